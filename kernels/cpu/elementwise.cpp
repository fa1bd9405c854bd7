// fill, scale, add and multiply: one arithmetic operation per element, so all are bound by memory.
//
// Bytes moved: fill 1 tensor; scale 2 (3 when it accumulates); add and multiply 3. Outputs that exceed the
// caches are written around them (stream.h), which saves reading them first.
#include "kernels/common/checks.h"
#include "kernels/common/parallel.h"
#include "kernels/common/stream.h"
#include "kernels/cpu/broadcast.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/elements.h"

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

template <class T>
void binary(const char* operation, void (*kernel)(const Row&), const ConstView& a, const ConstView& b,
            const View& y) {
  const Broadcast plan(operation, a.shape, b.shape, y.shape);
  const std::int64_t step_a = plan.stride_a[plan.rank - 1], step_b = plan.stride_b[plan.rank - 1];
  const T *in_a = a.as<T>(), *in_b = b.as<T>();
  T* out = y.as<T>();
  const bool stream = worth_streaming(bytes_of(y));
  for_each_row(
      plan, y.numel(),
      [&](std::int64_t position, std::int64_t offset_a, std::int64_t offset_b, std::int64_t row_elements) {
        write_elements(stream && row_elements >= 1024, out + position, row_elements, 1,
                       [&](float* to, std::int64_t first, std::int64_t count) {
                         const Floats<T> row_a(in_a + offset_a + first * step_a, step_a == 1 ? count : 1),
                             row_b(in_b + offset_b + first * step_b, step_b == 1 ? count : 1);
                         kernel({row_a.data(), row_b.data(), step_a, step_b, to, count});
                       });
      });
}

void binary(const char* operation, void (*kernel)(const Row&), const ConstView& a, const ConstView& b,
            const View& y) {
  with_activation_type(operation, y.dtype,
                       [&](auto type) { binary<decltype(type)>(operation, kernel, a, b, y); });
}

template <class T>
void fill(const Fill& call) {
  T* out = call.y.as<T>();
  parallel_ranges(call.y.numel(), elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
    std::fill(out + begin, out + end, from_float<T>(call.value));
  });
}

template <class T>
void scale(const Scale& call) {
  const bool stream = call.x.data != call.y.data && worth_streaming(bytes_of(call.y));
  const T* in = call.x.as<T>();
  T* out = call.y.as<T>();
  parallel_ranges(call.y.numel(), elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
    const auto compute_with = [&](auto* kernel) {
      return [=, &call](float* to, std::int64_t first, std::int64_t count) {
        kernel(call.factor, Floats<T>(in + begin + first, count).data(), to, count);
      };
    };
    if (call.write == GradientWrite::accumulate)
      update_elements(out + begin, end - begin, 1, compute_with(add_scaled));
    else
      write_elements(stream, out + begin, end - begin, 1, compute_with(scaled));
  });
}

}  // namespace

void CpuBackend::compute(const Fill& call) {
  with_activation_type(call.name, call.y.dtype, [&](auto type) { fill<decltype(type)>(call); });
}

void CpuBackend::compute(const Scale& call) {
  with_activation_type(call.name, call.x.dtype, [&](auto type) { scale<decltype(type)>(call); });
}

void CpuBackend::compute(const Add& call) {
  binary(call.name, add_row, call.a, call.b, call.y);
}

void CpuBackend::compute(const Multiply& call) {
  binary(call.name, multiply_row, call.a, call.b, call.y);
}

}  // namespace xr::kernels::cpu
