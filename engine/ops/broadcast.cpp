#include "engine/ops/broadcast.h"

#include <algorithm>

namespace xr::engine {

Shape broadcast_shape(const char* operation, const Shape& a, const Shape& b) {
  Shape result;
  const std::size_t rank = std::max(a.rank(), b.rank());
  for (std::size_t i = 0; i < rank; ++i) {
    const std::int64_t in_a = i + a.rank() >= rank ? a[i + a.rank() - rank] : 1;
    const std::int64_t in_b = i + b.rank() >= rank ? b[i + b.rank() - rank] : 1;
    XR_CHECK(in_a == in_b || in_a == 1 || in_b == 1, "{}: shapes {} and {} cannot be broadcast together",
             operation, a.to_string(), b.to_string());
    result.push_back(in_a == 1 ? in_b : in_a);
  }
  return result;
}

}  // namespace xr::engine
