// Whether a training may begin: its options and images, and the folder that it would resume.
#pragma once

#include <filesystem>

#include "apps/xrtrain/console.h"
#include "apps/xrtrain/options/options.h"
#include "data/dataset/image_folder.h"

namespace xr::apps {

/// Refuses a loss that there is not for the task. Throws UsageError.
void check_loss(const TrainOptions& options, data::Task task);

/// Refuses options that mean nothing for the data; warns where the positive class is a guess. Throws UsageError.
void check_task(const TrainOptions& options, const data::Dataset& dataset, Console& console);

/// Refuses to resume a folder that `xrtrain average` wrote: a new training would replace its checkpoint. Throws
/// UsageError.
void require_no_average(const std::filesystem::path& run);

}  // namespace xr::apps
