// Predictions on their way from the rank that made them to the one that prints.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "apps/xrtrain/commands/prediction_printer.h"

namespace xr::apps {

/// Everything but the paths.
[[nodiscard]] std::vector<std::byte> bytes_of(std::span<const Prediction> predictions);
/// Fills as many predictions with what bytes_of() made.
void read_predictions(std::span<const std::byte> bytes, std::span<Prediction> predictions);

}  // namespace xr::apps
