// One run of `train`, for the commands that train several networks.
#pragma once

#include <string>

#include "apps/xrtrain/options/option_table.h"

namespace xr::apps {

/// What `xrtrain train` does with these options ("data", "out", ..., as on the command line) and this TOML
/// file (empty: none). Returns the exit status; throws UsageError, DataError, Error.
int run_train(const GivenOptions& given, const std::string& config_file);

}  // namespace xr::apps
