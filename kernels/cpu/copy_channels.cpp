// copy_channels: rows of neighbouring elements, in pieces that do not depend on the number of threads. Bound by
// memory.
#include <algorithm>

#include "kernels/common/bf16.h"
#include "kernels/common/checks.h"
#include "kernels/common/parallel.h"
#include "kernels/cpu/cpu_backend.h"

namespace xr::kernels::cpu {

namespace {

template <class T>
XR_MULTIVERSION void add_row(const T* __restrict x, T* __restrict y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = from_float<T>(to_float(y[i]) + to_float(x[i]));
}

template <class T>
void copy_channels(const CopyChannels& call) {
  const ChannelRows r = rows_of(call);
  if (r.rows == 0 || r.length == 0) return;
  const T* x = call.x.as<T>() + r.x_first;
  T* y = call.y.as<T>() + r.y_first;
  const auto copy_part = [&](std::int64_t row, std::int64_t first, std::int64_t count) {
    const T* from = x + row * r.x_pitch + first;
    T* to = y + row * r.y_pitch + first;
    if (call.write == GradientWrite::accumulate)
      add_row(from, to, count);
    else
      std::copy_n(from, count, to);
  };
  const std::int64_t pieces = std::max<std::int64_t>(1, r.length / elementwise_grain),
                     rows_per_task = std::max<std::int64_t>(1, elementwise_grain / r.length);
  parallel_ranges(r.rows * pieces, rows_per_task, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t piece = i % pieces, first = r.length * piece / pieces;
      copy_part(i / pieces, first, r.length * (piece + 1) / pieces - first);
    }
  });
}

}  // namespace

void CpuBackend::compute(const CopyChannels& call) {
  with_activation_type(call.name, call.x.dtype, [&](auto type) { copy_channels<decltype(type)>(call); });
}

}  // namespace xr::kernels::cpu
