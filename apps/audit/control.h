// What control trainings say: networks that see only a part of every image.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "apps/audit/check.h"

namespace xr::audit {

/// The finding, from the summaries (summary.json) of the three runs.
[[nodiscard]] Check judge_control(const nlohmann::json& whole, const nlohmann::json& middle_black,
                                  const nlohmann::json& border_black);

/// The same of several labels, by the mean AUROC of the chosen checkpoints on the test images: from the metrics
/// (metrics.json) of the three runs.
[[nodiscard]] Check judge_label_control(const nlohmann::json& whole, const nlohmann::json& middle_black,
                                        const nlohmann::json& border_black);

}  // namespace xr::audit
