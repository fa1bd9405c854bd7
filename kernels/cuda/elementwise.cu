// fill: y = value. scale: y = a x, or y += a x. add, multiply: y = a + b, y = a b with NumPy's broadcasting.
//
// Bytes per f32 element: fill 4, scale 8 (12 when it accumulates), add and multiply 12; at most one operation
// each. Bound by memory: 16 bytes per access wherever addresses and extents allow.
//
// Broadcasting walks the merged dimensions of `Broadcast`: a vector never leaves a row of the last dimension,
// along which an operand either moves with the output or repeats one value.
#include "kernels/common/broadcast.h"
#include "kernels/common/checks.h"
#include "kernels/cuda/activation.h"
#include "kernels/cuda/kernel_backend.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

template <class T>
struct FillElement {
  T* y;
  float value;

  template <int Width>
  __device__ void at(std::int64_t index) const {
    Elements<T, Width> values;
#pragma unroll
    for (float& element : values.value) element = value;
    values.store(y + index);
  }
};

template <class T>
struct ScaleElement {
  float a;
  const T* x;
  T* y;
  GradientWrite write;

  template <int Width>
  __device__ void at(std::int64_t index) const {
    auto values = Elements<T, Width>::load(x + index);
#pragma unroll
    for (float& value : values.value) value *= a;
    values.write(y + index, write);
  }
};

struct Sum {
  [[nodiscard]] __device__ static float of(float a, float b) { return a + b; }
};
struct Product {
  [[nodiscard]] __device__ static float of(float a, float b) { return a * b; }
};

template <class T, class Operation>
struct Binary {
  const T *a, *b;
  T* y;

  template <int Width>
  __device__ void at(std::int64_t index) const {
    auto values = Elements<T, Width>::load(a + index);
    const auto others = Elements<T, Width>::load(b + index);
#pragma unroll
    for (int i = 0; i < Width; ++i) values.value[i] = Operation::of(values.value[i], others.value[i]);
    values.store(y + index);
  }
};

/// Width elements of an operand: neighbours, or one that repeats.
template <class T, int Width>
__device__ __forceinline__ Elements<T, Width> load_row(const T* from, std::int64_t stride) {
  if (stride == 1) return Elements<T, Width>::load(from);
  Elements<T, Width> result;
  const float repeated = to_float(*from);
#pragma unroll
  for (float& value : result.value) value = repeated;
  return result;
}

template <class T, class Operation>
struct BroadcastBinary {
  Broadcast plan;
  const T *a, *b;
  T* y;

  template <int Width>
  __device__ void at(std::int64_t index) const {
    std::int64_t rest = index, offset_a = 0, offset_b = 0;
    std::size_t d = plan.rank;  // at least 1, and few: nvcc would write the divisions of four
#pragma unroll 1
    do {
      --d;
      const Division along = divide(rest, static_cast<int>(plan.extent[d]));
      offset_a += along.remainder * plan.stride_a[d];
      offset_b += along.remainder * plan.stride_b[d];
      rest = along.quotient;
    } while (d > 0);
    const std::size_t last = plan.rank - 1;
    auto values = load_row<T, Width>(a + offset_a, plan.stride_a[last]);
    const auto others = load_row<T, Width>(b + offset_b, plan.stride_b[last]);
#pragma unroll
    for (int i = 0; i < Width; ++i) values.value[i] = Operation::of(values.value[i], others.value[i]);
    values.store(y + index);
  }
};

template <class Operation>
void binary(KernelBackend& backend, const char* name, const ConstView& a, const ConstView& b, const View& y) {
  const auto like_y = [&](const ConstView& view) { return view.shape == y.shape && view.layout == y.layout; };
  const bool equal = like_y(a) && like_y(b);
  with_activation_type(name, y.dtype, [&](auto type) {
    using T = decltype(type);
    constexpr int width = vector_width<T>;
    const std::int64_t count = y.numel();
    std::int64_t vectors = whole_vectors<width>(count, a.data, b.data, y.data);
    LaunchPlan plan{
        name, {}, elementwise_threads, 0, static_cast<std::int64_t>(a.bytes() + b.bytes() + y.bytes()),
        count};
    if (equal) {
      plan.grid = elementwise_blocks<width>(vectors, count);
      return backend.run(plan, elementwise_kernel<width, Binary<T, Operation>>,
                         Binary<T, Operation>{a.as<T>(), b.as<T>(), y.as<T>()}, vectors, count);
    }
    const Broadcast broadcast(name, a.shape, b.shape, y.shape);
    for (const std::int64_t extent : broadcast.extent) (void)to_int(extent, "an extent");
    if (!broadcast.moves_in_vectors(broadcast.stride_a, width) ||
        !broadcast.moves_in_vectors(broadcast.stride_b, width))
      vectors = 0;
    plan.grid = elementwise_blocks<width>(vectors, count);
    backend.run(plan, elementwise_kernel<width, BroadcastBinary<T, Operation>>,
                BroadcastBinary<T, Operation>{broadcast, a.as<T>(), b.as<T>(), y.as<T>()}, vectors, count);
  });
}

}  // namespace

void KernelBackend::compute(const Fill& call) {
  with_activation_type("fill", call.y.dtype, [&](auto type) {
    using T = decltype(type);
    const std::int64_t count = call.y.numel(), vectors = whole_vectors<vector_width<T>>(count, call.y.data);
    run({"fill", elementwise_blocks<vector_width<T>>(vectors, count), elementwise_threads, 0,
         static_cast<std::int64_t>(call.y.bytes()), 0},
        elementwise_kernel<vector_width<T>, FillElement<T>>, FillElement<T>{call.y.as<T>(), call.value},
        vectors, count);
  });
}

void KernelBackend::compute(const Scale& call) {
  with_activation_type("scale", call.x.dtype, [&](auto type) {
    using T = decltype(type);
    const bool accumulate = call.write == GradientWrite::accumulate;
    const std::int64_t count = call.x.numel(),
                       vectors = whole_vectors<vector_width<T>>(count, call.x.data, call.y.data);
    run({"scale", elementwise_blocks<vector_width<T>>(vectors, count), elementwise_threads, 0,
         static_cast<std::int64_t>((accumulate ? 3 : 2) * call.x.bytes()), (accumulate ? 2 : 1) * count},
        elementwise_kernel<vector_width<T>, ScaleElement<T>>,
        ScaleElement<T>{call.factor, call.x.as<T>(), call.y.as<T>(), call.write}, vectors, count);
  });
}

void KernelBackend::compute(const Add& call) {
  binary<Sum>(*this, "add", call.a, call.b, call.y);
}

void KernelBackend::compute(const Multiply& call) {
  binary<Product>(*this, "multiply", call.a, call.b, call.y);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
