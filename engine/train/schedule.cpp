#include "engine/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace xr::engine {

double Schedule::at(std::int64_t step) const {
  if (step < warmup_steps) return base * static_cast<double>(step + 1) / static_cast<double>(warmup_steps);
  const std::int64_t after = step - warmup_steps;
  switch (kind) {
    case ScheduleKind::constant:
      return base;
    case ScheduleKind::step: {
      const std::int64_t drops = after / std::max<std::int64_t>(1, step_size);
      return base * std::pow(gamma, static_cast<double>(drops));
    }
    case ScheduleKind::cosine: {
      const auto length = static_cast<double>(std::max<std::int64_t>(1, total_steps - warmup_steps));
      const double progress = std::min(1.0, static_cast<double>(after) / length);
      return minimum + (base - minimum) * 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
    }
  }
  return base;
}

}  // namespace xr::engine
