// cast: y = or += x, each f32 or bf16, in one shape and layout. Bytes: x and y once each; bound by memory.
#include "kernels/common/bf16.h"
#include "kernels/common/checks.h"
#include "kernels/common/parallel.h"
#include "kernels/cpu/cpu_backend.h"

namespace xr::kernels::cpu {

namespace {

template <class X, class Y>
XR_MULTIVERSION void cast_range(const X* x, Y* y, std::int64_t count, bool accumulate) {
  if (accumulate)
    for (std::int64_t i = 0; i < count; ++i) y[i] = from_float<Y>(to_float(y[i]) + to_float(x[i]));
  else
    for (std::int64_t i = 0; i < count; ++i) y[i] = from_float<Y>(to_float(x[i]));
}

}  // namespace

void CpuBackend::compute(const Cast& call) {
  with_activation_type("cast", call.x.dtype, [&](auto x_type) {
    with_activation_type("cast", call.y.dtype, [&](auto y_type) {
      using X = decltype(x_type);
      using Y = decltype(y_type);
      parallel_ranges(call.x.numel(), 65536, [&](std::int64_t begin, std::int64_t end) {
        cast_range(call.x.as<X>() + begin, call.y.as<Y>() + begin, end - begin,
                   call.write == GradientWrite::accumulate);
      });
    });
  });
}

}  // namespace xr::kernels::cpu
