// xrbench step --profile: where the time of a step goes, call by call, and which operands are converted on the way.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include "apps/xrbench/step_work.h"
#include "kernels/backend.h"

namespace xr::bench {

/// All calls of one kind in a step; means over the steps.
struct CallCost {
  std::string call;
  double count = 0, seconds = 0, bytes = 0;  ///< bytes: to move at least
};

/// All conversions of one operand in a step.
struct ConversionCost {
  std::string operand;  ///< "conv2d_forward filter"
  double count = 0, bytes = 0;
};

struct StepProfile {
  double seconds = 0;                       ///< a step
  std::vector<CallCost> calls;              ///< the slowest first
  std::vector<ConversionCost> conversions;  ///< the largest first
};

/// Runs `steps` steps. Of a backend that has finished a call when it returns.
[[nodiscard]] StepProfile profile(kernels::Backend& backend, StepWork& work, int steps);

[[nodiscard]] std::string to_text(const StepProfile& profile);
[[nodiscard]] nlohmann::json to_json(const StepProfile& profile);

}  // namespace xr::bench
