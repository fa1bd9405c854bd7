// The probability from which on an image is called positive, chosen on validation images.
#pragma once

#include <optional>
#include <span>

#include "apps/xrtrain/statistics/roc.h"

namespace xr::apps {

/// The score with the largest sensitivity + specificity - 1 as threshold, of equal ones the highest: W. J.
/// Youden, "Index for rating diagnostic tests", Cancer 3, 1950. Undefined without both classes.
[[nodiscard]] std::optional<double> youden_threshold(Positive positive, std::span<const double> scores);

/// The highest score at which the sensitivity is at least `sensitivity` (0..1). Undefined without both
/// classes.
[[nodiscard]] std::optional<double> sensitivity_threshold(Positive positive, std::span<const double> scores,
                                                          double sensitivity);

/// Positive where the score is `threshold` or more.
[[nodiscard]] BinaryCounts counts_at(Positive positive, std::span<const double> scores, double threshold);

}  // namespace xr::apps
