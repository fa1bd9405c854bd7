// What `train` says about its disk space before it starts, and where the results are after it.
#pragma once

#include <cstdint>

#include "apps/xrtrain/console.h"
#include "apps/xrtrain/options/options.h"
#include "apps/xrtrain/run/run_folder.h"
#include "apps/xrtrain/training/trainer.h"

namespace xr::apps {

/// Prints the need; throws xr::Error if the disk has less than what is missing in the run's folder.
void require_disk(const DiskNeed& need, const RunFolder& folder, Console& console);

/// Where the results are, and what to look at next.
void print_places(const TrainOptions& options, const RunFolder& folder, std::int64_t checkpoint,
                  Console& console);

}  // namespace xr::apps
