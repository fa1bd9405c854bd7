// Whether the options of a training fit the images, before anything is decoded.
#pragma once

#include "apps/xrtrain/console.h"
#include "apps/xrtrain/options/options.h"
#include "data/dataset/image_folder.h"

namespace xr::apps {

/// Refuses options that mean nothing for the data; warns where the positive class is a guess. Throws UsageError.
void check_task(const TrainOptions& options, const data::Dataset& dataset, Console& console);

}  // namespace xr::apps
