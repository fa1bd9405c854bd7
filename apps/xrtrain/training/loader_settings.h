// How training images are put into batches.
#pragma once

#include "apps/xrtrain/training/dataset.h"
#include "data/loader/loader.h"

namespace xr::apps {

/// Shuffled and augmented, as the options and the preprocessing say.
[[nodiscard]] data::LoaderSettings training_loader_settings(const TrainOptions& options,
                                                            const Preprocessing& preprocessing);

}  // namespace xr::apps
