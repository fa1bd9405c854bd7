// Whether images that are evaluated were images that a network was trained on.
#pragma once

#include <filesystem>
#include <optional>
#include <set>

#include "apps/xrtrain/console.h"
#include "apps/xrtrain/options/options.h"
#include "data/dataset/image_folder.h"

namespace xr::apps {

/// Files of a run's training and validation images, found again by the run's options; of a fold those of that fold.
/// Nothing if its data folder can no longer be read.
[[nodiscard]] std::optional<std::set<std::filesystem::path>> images_of_run(const TrainOptions& of_run,
                                                                           Console& console);

/// How many test images are among these files.
[[nodiscard]] std::int64_t count_seen(const data::Dataset& dataset,
                                      const std::set<std::filesystem::path>& seen);

}  // namespace xr::apps
