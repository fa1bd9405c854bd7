// The probability from which on an image is called positive, chosen on validation images.
#pragma once

#include <optional>
#include <span>

#include "apps/statistics/roc.h"

namespace xr::statistics {

// Thresholds lie halfway between a score and the next lower one (0 below the lowest), as in X. Robin et al.,
// "pROC: an open-source package for R and S+ to analyze and compare ROC curves", BMC Bioinformatics 12, 2011:
// on the images that they are chosen on all from one score to the other do the same, and one on the score
// itself would lose every other image that is only a little less certain.

/// The threshold of largest sensitivity + specificity - 1, of equal ones the highest: W. J. Youden, "Index
/// for rating diagnostic tests", Cancer 3, 1950. Undefined without both classes.
[[nodiscard]] std::optional<double> youden_threshold(Positive positive, std::span<const double> scores);

/// The highest threshold at which the sensitivity is at least `sensitivity` (0..1). Undefined without both
/// classes.
[[nodiscard]] std::optional<double> sensitivity_threshold(Positive positive, std::span<const double> scores,
                                                          double sensitivity);

/// Positive where the score is `threshold` or more.
[[nodiscard]] BinaryCounts counts_at(Positive positive, std::span<const double> scores, double threshold);

}  // namespace xr::statistics
