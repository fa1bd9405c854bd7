// fill, scale, add and multiply: one arithmetic operation per element, so all are bound by memory.
//
// Bytes moved: fill 1 tensor; scale 2 (3 when it accumulates); add and multiply 3. Outputs that exceed the
// caches are written around them (stream.h), which saves reading them first.
#include "kernels/common/bf16.h"
#include "kernels/common/checks.h"
#include "kernels/common/parallel.h"
#include "kernels/common/stream.h"
#include "kernels/cpu/broadcast.h"
#include "kernels/cpu/cpu_backend.h"

namespace xr::kernels::cpu {

namespace {

template <bool Accumulate, class T>
XR_MULTIVERSION void scaled(float a, const T* __restrict x, T* __restrict y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float value = a * to_float(x[i]);
    y[i] = from_float<T>(Accumulate ? to_float(y[i]) + value : value);
  }
}

// The last dimension of a broadcast operation. step_a and step_b are 0 or 1.
template <class T>
struct Row {
  const T *a, *b;
  std::int64_t step_a, step_b;
  T* y;
  std::int64_t count;
};

template <class T, class Operation>
[[gnu::always_inline]] inline void combine(const Row<T>& row, Operation operation) {
  const T* __restrict a = row.a, * __restrict b = row.b;
  T* __restrict y = row.y;
  const std::int64_t count = row.count;
  const auto put = [&](std::int64_t i, T left, T right) __attribute__((always_inline)) {
    y[i] = from_float<T>(operation(to_float(left), to_float(right)));
  };
  if (row.step_a == 1 && row.step_b == 1) {
    for (std::int64_t i = 0; i < count; ++i) put(i, a[i], b[i]);
  } else if (row.step_a == 1) {
    const T repeated = *b;
    for (std::int64_t i = 0; i < count; ++i) put(i, a[i], repeated);
  } else if (row.step_b == 1) {
    const T repeated = *a;
    for (std::int64_t i = 0; i < count; ++i) put(i, repeated, b[i]);
  } else {
    for (std::int64_t i = 0; i < count; ++i) put(i, *a, *b);
  }
}

template <class T>
XR_MULTIVERSION void add_rows(const Row<T>& row) {
  combine(row, [](float a, float b) { return a + b; });
}

template <class T>
XR_MULTIVERSION void multiply_rows(const Row<T>& row) {
  combine(row, [](float a, float b) { return a * b; });
}

template <class T>
void binary(const char* operation, void (*kernel)(const Row<T>&), const ConstView& a, const ConstView& b,
            const View& y) {
  const Broadcast plan(operation, a.shape, b.shape, y.shape);
  const std::int64_t step_a = plan.stride_a[plan.rank - 1], step_b = plan.stride_b[plan.rank - 1];
  const T *in_a = a.as<T>(), *in_b = b.as<T>();
  T* out = y.as<T>();
  const bool stream = worth_streaming(bytes_of(y));
  for_each_row(
      plan, y.numel(),
      [&](std::int64_t position, std::int64_t offset_a, std::int64_t offset_b, std::int64_t row_elements) {
        write_pieces(stream && row_elements >= 1024, out + position, row_elements, 1,
                     [&](T* to, std::int64_t first, std::int64_t count) {
                       kernel({in_a + offset_a + first * step_a, in_b + offset_b + first * step_b, step_a,
                               step_b, to, count});
                     });
      });
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
    if (call.write == GradientWrite::accumulate)
      return scaled<true>(call.factor, in + begin, out + begin, end - begin);
    write_pieces(stream, out + begin, end - begin, 1, [&](T* to, std::int64_t first, std::int64_t count) {
      scaled<false>(call.factor, in + begin + first, to, count);
    });
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
  with_activation_type(call.name, call.y.dtype, [&](auto type) {
    binary<decltype(type)>(call.name, add_rows<decltype(type)>, call.a, call.b, call.y);
  });
}

void CpuBackend::compute(const Multiply& call) {
  with_activation_type(call.name, call.y.dtype, [&](auto type) {
    binary<decltype(type)>(call.name, multiply_rows<decltype(type)>, call.a, call.b, call.y);
  });
}

}  // namespace xr::kernels::cpu
