#include "apps/audit/control.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kernels/common/error.h"

namespace xr::audit {

namespace {

/// What a network reached on the test images.
// NOLINTNEXTLINE(bugprone-exception-escape): an empty json throws nothing
struct Outcome {
  double value = 0, low = 0, high = 1;
  std::string text;    ///< "76 of 86, 0.884 (95% 0.799 to 0.936)"
  std::string number;  ///< "76", what can be held against another's
  std::string result;  ///< "76 of 86 test images right"
  nlohmann::json figures;
};

/// The three networks, and what guessing gives.
struct Controls {
  Outcome whole, middle_black, border_black;
  double guessing = 0.5;
  std::string guessing_text;
  const char* measure = "";  ///< "an accuracy"
};

const nlohmann::json& test_of(const nlohmann::json& summary) {
  const nlohmann::json& chosen =
      summary.at("chosen_on_validation").is_null() ? summary.at("last") : summary.at("chosen_on_validation");
  return chosen.at("test");
}

Outcome outcome_of(const nlohmann::json& summary) {
  const nlohmann::json& test = test_of(summary);
  const std::size_t right = test.at("correct"), images = test.at("images");
  Outcome outcome;
  outcome.value = static_cast<double>(right) / static_cast<double>(images);
  outcome.low = test.at("interval_95").at(0);
  outcome.high = test.at("interval_95").at(1);
  outcome.text = fmt::format("{} of {}, {:.3f} (95% {:.3f} to {:.3f})", right, images, outcome.value,
                             outcome.low, outcome.high);
  outcome.number = std::to_string(right);
  outcome.result = fmt::format("{} of {} test images right", right, images);
  outcome.figures = {{"right", right},
                     {"images", images},
                     {"accuracy", outcome.value},
                     {"low", outcome.low},
                     {"high", outcome.high}};
  return outcome;
}

double largest_class_share(const nlohmann::json& summary) {
  const nlohmann::json& test = test_of(summary);
  std::size_t largest = 0;
  for (const nlohmann::json& of_class : test.at("classes"))
    largest = std::max(largest, of_class.at("images").get<std::size_t>());
  return static_cast<double>(largest) / test.at("images").get<double>();
}

/// The mean AUROC of the chosen checkpoint; without an interval anything is possible.
Outcome label_outcome_of(const nlohmann::json& metrics) {
  Outcome outcome;
  outcome.value = 0.5;
  for (const nlohmann::json& one : metrics.at("checkpoints")) {
    if (one.at("split") != "test" || one.at("checkpoint") != metrics.at("chosen").at("checkpoint")) continue;
    if (one.at("metrics").is_null()) continue;  // a network that gives no numbers
    const nlohmann::json& mean = one.at("metrics").at("mean_auroc");
    if (!mean.at("value").is_null()) outcome.value = mean.at("value");
    if (mean.at("interval_95").is_null()) continue;
    outcome.low = mean.at("interval_95").at(0);
    outcome.high = mean.at("interval_95").at(1);
  }
  outcome.text =
      fmt::format("mean AUROC {:.3f} (95% {:.3f} to {:.3f})", outcome.value, outcome.low, outcome.high);
  outcome.number = fmt::format("{:.3f}", outcome.value);
  outcome.result = "a mean AUROC of " + outcome.number;
  outcome.figures = {{"mean_auroc", outcome.value}, {"low", outcome.low}, {"high", outcome.high}};
  return outcome;
}

Check judge(const Controls& controls) {
  const Outcome &all = controls.whole, &border = controls.middle_black;
  Check check{"control", "Control trainings", FindingId::control_needs_middle, Verdict::ok, {}, {}, {}};
  check.figures = {{"whole", all.figures},
                   {"middle_black", border.figures},
                   {"border_black", controls.border_black.figures},
                   {"guessing", controls.guessing}};
  check.details = {fmt::format("whole images: {}", all.text),
                   fmt::format("middle black (five eighths of each side): {}", border.text),
                   fmt::format("all but the middle black: {}", controls.border_black.text),
                   fmt::format("{}: {:.3f}", controls.guessing_text, controls.guessing)};
  if (all.low <= controls.guessing) {
    check.id = FindingId::control_uninformative;
    check.verdict = Verdict::warning;
    check.text = fmt::format(
        "they tell nothing: even with whole images, {} is not shown to be better than guessing; train longer "
        "(--control-epochs) or with more images",
        all.result);
    return check;
  }
  // More than half of what the whole image gives beyond guessing does not need the middle.
  const double half = controls.guessing + 0.5 * (all.value - controls.guessing);
  const std::string both =
      fmt::format("without the middle of the images the same network gets {}, with the whole images {}",
                  border.result, all.number);
  if (border.low <= controls.guessing) {
    const bool undecided = border.high > half;
    if (undecided) check.id = FindingId::control_undecided;
    check.verdict = undecided ? Verdict::warning : Verdict::ok;
    check.text = undecided ? fmt::format(
                                 "{}: too few test images to tell whether that is guessing or most "
                                 "of what it knows",
                                 both)
                           : fmt::format(
                                 "{}: without it, it is not shown to be better than guessing, and {} above "
                                 "{:.3f} can be excluded",
                                 both, controls.measure, border.high);
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

}  // namespace

Check judge_control(const nlohmann::json& whole, const nlohmann::json& middle_black,
                    const nlohmann::json& border_black) {
  return judge({outcome_of(whole), outcome_of(middle_black), outcome_of(border_black),
                largest_class_share(whole), "always the largest class", "an accuracy"});
}

Check judge_label_control(const nlohmann::json& whole, const nlohmann::json& middle_black,
                          const nlohmann::json& border_black) {
  return judge({label_outcome_of(whole), label_outcome_of(middle_black), label_outcome_of(border_black), 0.5,
                "guessing", "a mean AUROC"});
}

}  // namespace xr::audit
