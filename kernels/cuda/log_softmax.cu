// Log-softmax over the rows of (N, classes): y = (x - max) - log sum exp(x - max). Backward: dx = dy - exp(y)
// sum dy.
//
// Bytes per f32 element: forward 8 (x, y; the second reading of x is from the cache), backward 12 (y, dy, dx;
// 16 when it accumulates); about 5 operations, one of them an exponential. Bound by memory, or for few rows
// by the launch. The largest element and the sum are found in one pass (rows.h).
#include "kernels/cuda/rows.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

template <class T, bool WholeBlock>
__global__ void __launch_bounds__(row_threads) log_softmax_forward_kernel(const T* x, T* y, RowShape shape) {
  const auto group = RowGroup<WholeBlock>::of_thread();
  if (group.row >= shape.rows) return;
  const std::int64_t first = group.row * shape.classes;
  auto total = ExponentialSum::zero();
  for (int c = group.rank; c < shape.classes; c += group.size) total.add(to_float(x[first + c]));
  total = group.sum(total);
  const float logarithm = logf(total.sum);
  for (int c = group.rank; c < shape.classes; c += group.size)
    y[first + c] = from_float<T>(to_float(x[first + c]) - total.maximum - logarithm);
}

template <class T, bool WholeBlock>
__global__ void __launch_bounds__(row_threads)
    log_softmax_backward_kernel(const T* y, const T* dy, T* dx, RowShape shape, GradientWrite write) {
  const auto group = RowGroup<WholeBlock>::of_thread();
  if (group.row >= shape.rows) return;
  const std::int64_t first = group.row * shape.classes;
  float sum = 0.0f;
  for (int c = group.rank; c < shape.classes; c += group.size) sum += to_float(dy[first + c]);
  sum = group.sum(sum);
  for (int c = group.rank; c < shape.classes; c += group.size) {
    const float gradient = to_float(dy[first + c]) - expf(to_float(y[first + c])) * sum;
    Elements<T, 1>{{gradient}}.write(dx + first + c, write);
  }
}

}  // namespace

void KernelBackend::compute(const LogSoftmaxForward& call) {
  const RowShape shape = row_shape(call.x);
  if (call.x.numel() == 0) return;
  with_activation_type("log_softmax_forward", call.x.dtype, [&](auto type) {
    with_row_group(shape, [&](auto whole_block, unsigned grid) {
      using T = decltype(type);
      run({"log_softmax_forward", grid, row_threads, 0, static_cast<std::int64_t>(2 * call.x.bytes()),
           5 * call.x.numel()},
          log_softmax_forward_kernel<T, whole_block>, call.x.as<T>(), call.y.as<T>(), shape);
    });
  });
}

void KernelBackend::compute(const LogSoftmaxBackward& call) {
  const RowShape shape = row_shape(call.y);
  if (call.y.numel() == 0) return;
  with_activation_type("log_softmax_backward", call.y.dtype, [&](auto type) {
    with_row_group(shape, [&](auto whole_block, unsigned grid) {
      using T = decltype(type);
      const std::size_t tensors = call.write == GradientWrite::accumulate ? 4 : 3;
      run({"log_softmax_backward", grid, row_threads, 0, static_cast<std::int64_t>(tensors * call.y.bytes()),
           4 * call.y.numel()},
          log_softmax_backward_kernel<T, whole_block>, call.y.as<T>(), call.dy.as<T>(), call.dx.as<T>(),
          shape, call.write);
    });
  });
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
