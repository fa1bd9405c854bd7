// What `eval` was told, for its two forms: the checkpoints of a run, and an ensemble.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/xrtrain/options/common_flags.h"
#include "apps/xrtrain/options/data_folders.h"
#include "apps/xrtrain/options/machine_options.h"

namespace xr::apps {

struct EvalOptions {
  std::vector<std::string> networks;  ///< one run; or what find_members() takes
  std::string data, out, positive, subgroups, skip_folders;
  LabelOptions labels;
  std::optional<double> target_sensitivity;
  std::int64_t checkpoint = -1, views = 1;
  CommonFlags flags;
  MachineOptions machine;
  WaitOption wait;

  [[nodiscard]] const std::string& run() const { return networks.front(); }
};

/// Evaluates the mean of several networks on the images of --data. Returns the exit status.
int run_eval_ensemble(Ranks& ranks, const EvalOptions& options);

}  // namespace xr::apps
