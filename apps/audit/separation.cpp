#include "apps/audit/separation.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "apps/audit/logistic_regression.h"
#include "apps/statistics/delong.h"
#include "apps/text/text.h"

namespace xr::audit {

namespace {

/// A perfect ranking, and that of scores which are all the same, has no interval.
double low_end(const Separation& separation) {
  return separation.interval ? separation.interval->low : separation.auc.value_or(0.0);
}

double high_end(const Separation& separation) {
  return separation.interval ? separation.interval->high : separation.auc.value_or(0.0);
}

}  // namespace

Separation measure_separation(std::span<const std::uint8_t> positive, std::span<const double> scores,
                              std::span<const std::size_t> groups, const Limits& limits,
                              double variance_factor) {
  const statistics::DeLong area = statistics::clustered_delong(positive, scores, groups);
  Separation result{area.auroc, {}, Verdict::ok, Doubt::none};
  if (!result.auc) return result;
  if (area.variance)
    result.interval = statistics::area_interval(*area.auroc, *area.variance * variance_factor);
  const double low = low_end(result);
  // Below 0.5 is worse than guessing, an accident of few images: what counts is how wide the interval is.
  const double reach = high_end(result) - (result.interval ? std::min(0.0, *result.auc - 0.5) : 0.0);
  const bool judged = limits.warning < 1.0;
  if (high_end(result) < 0.5)
    result.doubt = Doubt::below;
  else if (judged && count_groups(groups) < min_groups)
    result.doubt = Doubt::few;
  else if (low > limits.warning)
    result.verdict = low > limits.serious ? Verdict::serious : Verdict::warning;
  else if (reach > limits.serious)
    result.doubt = Doubt::wide;
  return result;
}

bool clearer(const Separation& a, const Separation& b) {
  const auto key = [](const Separation& one) {
    return std::tuple(one.auc.has_value(), one.verdict, one.doubt != Doubt::none, low_end(one));
  };
  return key(a) > key(b);
}

std::string auc_text(const Separation& separation) {
  if (!separation.interval) return fmt::format("{:.2f}", *separation.auc);
  return fmt::format("{:.2f} (approximate 95% CI {:.2f}-{:.2f})", *separation.auc, separation.interval->low,
                     separation.interval->high);
}

std::string doubt_text(Doubt doubt) {
  switch (doubt) {
    case Doubt::few:
      return fmt::format("images of fewer than {} different patients give no reliable figure", min_groups);
    case Doubt::wide:
      return "the interval is too wide to tell a strong shortcut from none; more images are needed";
    case Doubt::below:
      return "worse than guessing, so chance decides it and not the images";
    default:
      return {};
  }
}

nlohmann::json figures_of(const Separation& separation) {
  nlohmann::json figures = {{"auc", nullptr},
                            {"low", nullptr},
                            {"high", nullptr},
                            {"undecided", separation.doubt != Doubt::none},
                            {"verdict", html::verdict_name(separation.verdict)}};
  if (separation.auc) figures["auc"] = *separation.auc;
  if (separation.interval) {
    figures["low"] = separation.interval->low;
    figures["high"] = separation.interval->high;
  }
  return figures;
}

Folds cut_folds(std::span<const std::int64_t> labels, std::span<const std::size_t> groups,
                const std::vector<std::string>& class_names, std::span<const std::int64_t> strata) {
  Folds folds;
  std::vector<std::size_t> images(class_names.size());
  std::vector<std::set<std::size_t>> groups_of(class_names.size());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    ++images[static_cast<std::size_t>(labels[i])];
    groups_of[static_cast<std::size_t>(labels[i])].insert(groups[i]);
  }
  for (std::size_t c = 0; c < class_names.size(); ++c) {
    if (images[c] < min_images_of_class)
      folds.why_not = fmt::format("it takes at least {} readable images of each class", min_images_of_class);
    else if (groups_of[c].size() < min_groups_of_class)
      folds.why_not = fmt::format(
          "it takes images of at least {} patients of each class, copies counted once, and the {} images of "
          "{} are of {}",
          min_groups_of_class, images[c], text::one_line(class_names[c]), groups_of[c].size());
    if (!folds.why_not.empty()) return folds;
  }
  folds.fold_of = make_folds(strata.empty() ? labels : strata, groups, shortcut_folds, 0);
  for (int fold = 0; fold < shortcut_folds; ++fold) {
    std::set<std::int64_t> learned;
    for (std::size_t i = 0; i < labels.size(); ++i)
      if (folds.fold_of[i] != fold) learned.insert(labels[i]);
    if (learned.size() < class_names.size())
      folds.why_not = "too many images are of a few patients: what is left to learn from lacks a class";
  }
  return folds;
}

std::size_t count_groups(std::span<const std::size_t> groups) {
  return std::set<std::size_t>(groups.begin(), groups.end()).size();
}

std::string images_text(std::size_t images, std::size_t groups) {
  const std::string all = counted(images, "image");
  return groups == images
             ? all
             : fmt::format("{}, {} where those of one patient, and copies, count once", all, groups);
}

}  // namespace xr::audit
