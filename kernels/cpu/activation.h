// The loops that relu, relu6 and leaky_relu share: element by element on any layout, bound by memory.
#pragma once

#include "kernels/common/checks.h"
#include "kernels/common/parallel.h"
#include "kernels/common/stream.h"
#include "kernels/cpu/elements.h"
#include "kernels/ops/call.h"

namespace xr::kernels::cpu {

/// y = what set(x, y, count) writes, in floats. y may alias x.
template <class Set>
void activate(const char* operation, const ConstView& x, const View& y, Set set) {
  with_activation_type(operation, x.dtype, [&](auto type) {
    using T = decltype(type);
    const bool stream = x.data != y.data && worth_streaming(bytes_of(y));
    const T* in = x.as<T>();
    T* out = y.as<T>();
    parallel_ranges(x.numel(), elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
      write_elements(stream, out + begin, end - begin, 1,
                     [&](float* to, std::int64_t first, std::int64_t count) {
                       set(Floats<T>(in + begin + first, count).data(), to, count);
                     });
    });
  });
}

/// dx = what set(kept, dy, dx, count) writes, or what add(kept, dy, dx, count) makes of it, in floats. kept: x or y.
template <class Set, class Add>
void activate_gradient(const char* operation, const ConstView& kept, const ConstView& dy, const View& dx,
                       GradientWrite write, Set set, Add add) {
  with_activation_type(operation, dx.dtype, [&](auto type) {
    using T = decltype(type);
    const bool stream = worth_streaming(bytes_of(dx));
    const T *in = kept.as<T>(), *gradient = dy.as<T>();
    T* out = dx.as<T>();
    parallel_ranges(dx.numel(), elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
      const auto with = [&](const auto& kernel) {
        return [&, in, gradient, begin](float* to, std::int64_t first, std::int64_t count) {
          kernel(Floats<T>(in + begin + first, count).data(),
                 Floats<T>(gradient + begin + first, count).data(), to, count);
        };
      };
      if (write == GradientWrite::accumulate)
        update_elements(out + begin, end - begin, 1, with(add));
      else
        write_elements(stream, out + begin, end - begin, 1, with(set));
    });
  });
}

}  // namespace xr::kernels::cpu
