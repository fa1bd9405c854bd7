#include "kernels/cpu/elements.h"

#include "kernels/common/parallel.h"

namespace xr::kernels::cpu {

XR_MULTIVERSION void widen(const Bf16* __restrict x, float* __restrict values, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) values[i] = to_float(x[i]);
}

XR_MULTIVERSION void round_to(Bf16* __restrict y, const float* __restrict values, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = from_float<Bf16>(values[i]);
}

}  // namespace xr::kernels::cpu
