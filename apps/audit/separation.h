// How well scores tell one class from the others, and from how much data that can be said.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apps/audit/check.h"
#include "apps/statistics/interval.h"

namespace xr::audit {

constexpr int shortcut_folds = 5;
constexpr std::size_t min_images_of_class = 10;
/// Groups are images that belong together: those of a patient, and copies. Of fewer groups of a class than
/// folds, some fold has none to be tested on, or none is left to learn from.
constexpr std::size_t min_groups_of_class = shortcut_folds;
/// Of fewer groups nothing is claimed: their intervals are too rough, and many simple things differ by
/// chance.
constexpr std::size_t min_groups = 100;
/// By how much the variance of an AUC grows where the scores were learned: the folds' classifiers learned
/// from each other's images, so that chance in these moves many scores together. For k folds 1/k + 1/(k - 1)
/// instead of 1/k: C. Nadeau, Y. Bengio, "Inference for the generalization error", Machine Learning 52, 2003.
constexpr double learned_variance = 1.0 + shortcut_folds / (shortcut_folds - 1.0);

/// From which lower end of the AUC's interval on a finding is a warning, and serious.
struct Limits {
  double warning = 0.60, serious = 0.70;
};

/// Why a verdict of ok is no reassurance.
enum class Doubt : std::uint8_t {
  none,
  few,   ///< there are fewer than min_groups groups
  wide,  ///< the interval's upper end (of an AUC below 0.5: 0.5 and what the interval reaches above the AUC)
         ///< is above the serious limit
  below  ///< the whole interval is below 0.5: worse than guessing, so something other than the scores decides
};

struct Separation {
  std::optional<double> auc;  ///< area under the ROC curve
  std::optional<statistics::Interval>
      interval;                   ///< about 95%: clustered_delong, the variance times `variance_factor`
  Verdict verdict = Verdict::ok;  ///< by the interval's lower end
  Doubt doubt = Doubt::none;      ///< `verdict` is ok where there is one
};
/// `groups`: the group of each image.
[[nodiscard]] Separation measure_separation(std::span<const std::uint8_t> positive,
                                            std::span<const double> scores,
                                            std::span<const std::size_t> groups, const Limits& limits,
                                            double variance_factor = 1.0);
/// Whether `a` is the clearer finding: the worse verdict, then a doubt, then the higher lower end.
[[nodiscard]] bool clearer(const Separation& a, const Separation& b);
/// "0.85 (approximate 95% CI 0.81-0.89)"
[[nodiscard]] std::string auc_text(const Separation& separation);
/// Why it cannot be told, after "inconclusive"; empty without doubt.
[[nodiscard]] std::string doubt_text(Doubt doubt);
/// auc, low, high (null where undefined), verdict, undecided.
[[nodiscard]] nlohmann::json figures_of(const Separation& separation);

/// Which of shortcut_folds parts each image is left out in; or, in words, why there can be none.
struct Folds {
  std::vector<int> fold_of;
  std::string why_not;
};
/// `strata`: what is spread evenly over the folds; the labels, if it is empty.
[[nodiscard]] Folds cut_folds(std::span<const std::int64_t> labels, std::span<const std::size_t> groups,
                              const std::vector<std::string>& class_names,
                              std::span<const std::int64_t> strata = {});

[[nodiscard]] std::size_t count_groups(std::span<const std::size_t> groups);
/// "345 images", "345 images, 275 where those of one patient, and copies, count once"
[[nodiscard]] std::string images_text(std::size_t images, std::size_t groups);

}  // namespace xr::audit
