#include "apps/audit/control.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kernels/common/error.h"

namespace xr::audit {

namespace {

struct Outcome {
  std::size_t right = 0, images = 0, largest_class = 0;
  double low = 0, high = 1;

  [[nodiscard]] std::string text() const {
    return fmt::format("{} of {}, {:.3f} (95 % {:.3f} to {:.3f})", right, images, accuracy(), low, high);
  }
  [[nodiscard]] double accuracy() const { return static_cast<double>(right) / static_cast<double>(images); }
  [[nodiscard]] nlohmann::json figures() const {
    return {{"right", right}, {"images", images}, {"accuracy", accuracy()}, {"low", low}, {"high", high}};
  }
};

Outcome outcome_of(const nlohmann::json& summary) {
  const nlohmann::json& chosen =
      summary.at("chosen_on_validation").is_null() ? summary.at("last") : summary.at("chosen_on_validation");
  const nlohmann::json& test = chosen.at("test");
  Outcome outcome{test.at("correct"), test.at("images"), 0, test.at("interval_95").at(0),
                  test.at("interval_95").at(1)};
  for (const nlohmann::json& of_class : test.at("classes"))
    outcome.largest_class = std::max(outcome.largest_class, of_class.at("images").get<std::size_t>());
  return outcome;
}

}  // namespace

Check judge_control(const nlohmann::json& whole, const nlohmann::json& middle_black,
                    const nlohmann::json& border_black) {
  const Outcome all = outcome_of(whole), border = outcome_of(middle_black), middle = outcome_of(border_black);
  const double guessing = static_cast<double>(all.largest_class) / static_cast<double>(all.images);
  Check check{"control", "Control trainings", FindingId::control_needs_middle, Verdict::ok, {}, {}, {}};
  check.figures = {{"whole", all.figures()},
                   {"middle_black", border.figures()},
                   {"border_black", middle.figures()},
                   {"guessing", guessing}};
  check.details = {fmt::format("whole images: {}", all.text()),
                   fmt::format("middle black (five eighths of each side): {}", border.text()),
                   fmt::format("all but the middle black: {}", middle.text()),
                   fmt::format("always the largest class: {:.3f}", guessing)};
  if (all.low <= guessing) {
    check.id = FindingId::control_uninformative;
    check.verdict = Verdict::warning;
    check.text = fmt::format(
        "they tell nothing: even with whole images, {} of {} test images right is not shown to be better "
        "than guessing; train longer (--control-epochs) or with more images",
        all.right, all.images);
    return check;
  }
  // More than half of what the whole image gives beyond guessing does not need the middle.
  const double half = guessing + 0.5 * (all.accuracy() - guessing);
  const std::string both = fmt::format(
      "without the middle of the images the same network gets {} of {} test images right, with the whole "
      "images {}",
      border.right, border.images, all.right);
  if (border.low <= guessing) {
    const bool undecided = border.high > half;
    if (undecided) check.id = FindingId::control_undecided;
    check.verdict = undecided ? Verdict::warning : Verdict::ok;
    check.text = undecided ? fmt::format(
                                 "{}: too few test images to tell whether that is guessing or most "
                                 "of what it knows",
                                 both)
                           : fmt::format(
                                 "{}: without it, it is not shown to be better than guessing, and "
                                 "an accuracy above {:.3f} can be excluded",
                                 both, border.high);
    return check;
  }
  const bool most = border.low > half;
  check.id = most                  ? FindingId::control_keeps_most
             : border.high <= half ? FindingId::control_keeps_a_part
                                   : FindingId::control_keeps_a_part_or_most;
  check.verdict = most ? Verdict::serious : Verdict::warning;
  check.text = fmt::format(
      "{}: it keeps {} of what it gains over guessing, though only the outer parts of the lungs remain "
      "visible{}",
      both, most ? "most" : "a part",
      most || border.high <= half ? "" : "; too few test images to tell whether it is most");
  return check;
}

}  // namespace xr::audit
