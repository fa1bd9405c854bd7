// A ROC curve for a chart.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "apps/html/chart.h"

namespace xr::apps {

/// x: 1 - specificity, y: sensitivity, at each threshold; with `band` the Wilson interval of the sensitivity.
/// `truth`: 1 for images of the positive class; `scores`: as many, larger for it. Without points if either
/// class has no images.
[[nodiscard]] html::Series roc_series(const std::string& name, std::span<const std::uint8_t> truth,
                                      std::span<const double> scores, bool band);

}  // namespace xr::apps
