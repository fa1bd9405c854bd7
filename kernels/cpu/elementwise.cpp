// fill, scale, add and multiply: one arithmetic operation per element, so all are bound by memory.
//
// Bytes moved: fill 1 tensor; scale 2 (3 when it accumulates); add and multiply 3. Outputs that exceed the
// caches are written around them (stream.h), which saves reading them first.
#include "kernels/common/parallel.h"
#include "kernels/common/stream.h"
#include "kernels/cpu/broadcast.h"
#include "kernels/cpu/checks.h"
#include "kernels/cpu/cpu_backend.h"

namespace xr::kernels::cpu {

namespace {

XR_MULTIVERSION void scaled(float a, const float* __restrict x, float* __restrict y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = a * x[i];
}

XR_MULTIVERSION void add_scaled(float a, const float* __restrict x, float* __restrict y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) y[i] += a * x[i];
}

// The last dimension of a broadcast operation. step_a and step_b are 0 or 1.
struct Row {
  const float *a, *b;
  std::int64_t step_a, step_b;
  float* y;
  std::int64_t count;
};

template <class Operation>
[[gnu::always_inline]] inline void combine(const Row& row, Operation operation) {
  const float* __restrict a = row.a, * __restrict b = row.b;
  float* __restrict y = row.y;
  const std::int64_t count = row.count;
  if (row.step_a == 1 && row.step_b == 1) {
    for (std::int64_t i = 0; i < count; ++i) y[i] = operation(a[i], b[i]);
  } else if (row.step_a == 1) {
    const float repeated = *b;
    for (std::int64_t i = 0; i < count; ++i) y[i] = operation(a[i], repeated);
  } else if (row.step_b == 1) {
    const float repeated = *a;
    for (std::int64_t i = 0; i < count; ++i) y[i] = operation(repeated, b[i]);
  } else {
    const float value = operation(*a, *b);
    for (std::int64_t i = 0; i < count; ++i) y[i] = value;
  }
}

XR_MULTIVERSION void add_row(const Row& row) {
  combine(row, [](float a, float b) { return a + b; });
}

XR_MULTIVERSION void multiply_row(const Row& row) {
  combine(row, [](float a, float b) { return a * b; });
}

void binary(const char* operation, void (*kernel)(const Row&), const ConstView& a, const ConstView& b,
            const View& y) {
  require_f32(operation, "y", y);
  const Broadcast plan(operation, a.shape, b.shape, y.shape);
  const std::int64_t step_a = plan.stride_a[plan.rank - 1], step_b = plan.stride_b[plan.rank - 1];
  const float *in_a = a.as<float>(), *in_b = b.as<float>();
  float* out = y.as<float>();
  const bool stream = worth_streaming(static_cast<std::int64_t>(y.bytes()));
  for_each_row(
      plan, y.numel(),
      [&](std::int64_t position, std::int64_t offset_a, std::int64_t offset_b, std::int64_t row_elements) {
        write_pieces(stream && row_elements >= 1024, out + position, row_elements, 1,
                     [&](float* to, std::int64_t first, std::int64_t count) {
                       kernel({in_a + offset_a + first * step_a, in_b + offset_b + first * step_b, step_a,
                               step_b, to, count});
                     });
      });
}

}  // namespace

void CpuBackend::compute(const Fill& call) {
  require_f32("fill", "y", call.y);
  float* out = call.y.as<float>();
  parallel_ranges(call.y.numel(), elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
    std::fill(out + begin, out + end, call.value);
  });
}

void CpuBackend::compute(const Scale& call) {
  require_f32(call.name, "x", call.x);
  const bool stream =
      call.x.data != call.y.data && worth_streaming(static_cast<std::int64_t>(call.y.bytes()));
  const float* in = call.x.as<float>();
  float* out = call.y.as<float>();
  parallel_ranges(call.y.numel(), elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
    if (call.write == GradientWrite::accumulate)
      return add_scaled(call.factor, in + begin, out + begin, end - begin);
    write_pieces(stream, out + begin, end - begin, 1, [&](float* to, std::int64_t first, std::int64_t count) {
      scaled(call.factor, in + begin + first, to, count);
    });
  });
}

void CpuBackend::compute(const Add& call) {
  binary("add", add_row, call.a, call.b, call.y);
}

void CpuBackend::compute(const Multiply& call) {
  binary("multiply", multiply_row, call.a, call.b, call.y);
}

}  // namespace xr::kernels::cpu
