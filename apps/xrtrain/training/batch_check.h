// Whether the batches of a training can be trained on.
#pragma once

#include <cstddef>

#include "apps/xrtrain/options/options.h"

namespace xr::apps {

/// Refuses a last batch that is too small for the network, before anything is trained. Throws UsageError.
void require_batches(const TrainOptions& options, const model::ModelSettings& settings, std::size_t images);

}  // namespace xr::apps
