// The loops that relu, relu6 and leaky_relu share: element by element on any layout, bound by memory.
#pragma once

#include "kernels/common/bf16.h"
#include "kernels/common/checks.h"
#include "kernels/common/parallel.h"
#include "kernels/common/stream.h"
#include "kernels/ops/call.h"

namespace xr::kernels::cpu {

/// y = what set(x, y, count) writes for pieces of any activation type. y may alias x.
template <class Set>
void activate(const char* operation, const ConstView& x, const View& y, Set set) {
  with_activation_type(operation, x.dtype, [&](auto type) {
    using T = decltype(type);
    const bool stream = x.data != y.data && worth_streaming(bytes_of(y));
    const T* in = x.as<T>();
    T* out = y.as<T>();
    parallel_ranges(x.numel(), elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
      write_pieces(stream, out + begin, end - begin, 1, [&](T* to, std::int64_t first, std::int64_t count) {
        set(in + begin + first, to, count);
      });
    });
  });
}

/// dx = what set(kept, dy, dx, count) writes, or what add(kept, dy, dx, count) makes of it. kept: x or y.
template <class Set, class Add>
void activate_gradient(const char* operation, const ConstView& kept, const ConstView& dy, const View& dx,
                       GradientWrite write, Set set, Add add) {
  with_activation_type(operation, dx.dtype, [&](auto type) {
    using T = decltype(type);
    const bool stream = worth_streaming(bytes_of(dx));
    const T *in = kept.as<T>(), *gradient = dy.as<T>();
    T* out = dx.as<T>();
    parallel_ranges(dx.numel(), elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
      if (write == GradientWrite::accumulate)
        return add(in + begin, gradient + begin, out + begin, end - begin);
      write_pieces(stream, out + begin, end - begin, 1, [&](T* to, std::int64_t first, std::int64_t count) {
        set(in + begin + first, gradient + begin + first, to, count);
      });
    });
  });
}

}  // namespace xr::kernels::cpu
