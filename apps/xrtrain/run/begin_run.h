// What `train` begins with: its options, and the folder of the run.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "apps/xrtrain/distributed/ranks.h"
#include "apps/xrtrain/options/option_table.h"
#include "apps/xrtrain/run/run_folder.h"

namespace xr::apps {

/// Options, and the folder that they name: opened by the first rank, whose options are those of all. Throws UsageError
/// if the ranks were started with different programs or options.
[[nodiscard]] std::pair<TrainOptions, std::unique_ptr<RunFolder>> begin_run(Ranks& ranks,
                                                                            const GivenOptions& given,
                                                                            const std::string& config_file);

}  // namespace xr::apps
