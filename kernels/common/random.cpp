#include "kernels/common/random.h"

#include <cmath>

namespace xr {

float Philox::normal() {
  const double u = (static_cast<double>(next_u32()) + 1.0) / 4294967296.0;  // (0, 1]: the logarithm is finite
  const double v = static_cast<double>(next_u32()) / 4294967296.0;
  return static_cast<float>(std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * 3.14159265358979323846 * v));
}

}  // namespace xr
