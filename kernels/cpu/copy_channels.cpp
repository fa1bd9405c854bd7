// copy_channels: rows of neighbouring elements, in pieces that do not depend on the number of threads. Bound by
// memory.
#include <algorithm>

#include "kernels/common/parallel.h"
#include "kernels/common/stream.h"
#include "kernels/cpu/checks.h"
#include "kernels/cpu/cpu_backend.h"

namespace xr::kernels::cpu {

namespace {

XR_MULTIVERSION void add_row(const float* __restrict x, float* __restrict y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) y[i] += x[i];
}

}  // namespace

void CpuBackend::compute(const CopyChannels& call) {
  require_f32(call.name, "x", call.x);
  const ChannelRows r = rows_of(call);
  if (r.rows == 0 || r.length == 0) return;
  const float* x = call.x.as<float>() + r.x_first;
  float* y = call.y.as<float>() + r.y_first;
  const auto copy_part = [&](std::int64_t row, std::int64_t first, std::int64_t count) {
    const float* from = x + row * r.x_pitch + first;
    float* to = y + row * r.y_pitch + first;
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

}  // namespace xr::kernels::cpu
