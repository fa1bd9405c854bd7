// Learning rate as a function of the step.
#pragma once

#include <cstdint>

namespace xr::engine {

enum class ScheduleKind : std::uint8_t { constant, step, cosine };

struct Schedule {
  ScheduleKind kind = ScheduleKind::constant;
  double base = 1e-3;             ///< learning rate that the schedule scales
  std::int64_t warmup_steps = 0;  ///< the rate rises linearly: base (t + 1) / warmup_steps at step t
  std::int64_t total_steps = 1;   ///< cosine: where it reaches `minimum`
  double minimum = 0.0;           ///< cosine: final rate
  std::int64_t step_size = 1;     ///< step: steps between two drops
  double gamma = 0.1;             ///< step: factor of a drop

  /// Rate of step t, counted from 0. Cosine: minimum + (base - minimum) (1 + cos(pi t')) / 2 with t' from 0
  /// at the end of the warm-up to 1 at total_steps (Loshchilov and Hutter, 2017).
  [[nodiscard]] double at(std::int64_t step) const;
};

}  // namespace xr::engine
