// ReLU, softmax, log-softmax and average pooling through cuDNN's older API, f32. Max pooling is not here: the
// argmax that backend.h keeps is the own kernels', and cudnnPoolingBackward reads x and y instead; nor is the
// backward of average pooling, which wants x and y although it does not need them.
#include "kernels/cudnn/cudnn_operations.h"

namespace xr::kernels::cudnn {

namespace {

constexpr float one = 1.0f, zero = 0.0f;

const float* beta_of(GradientWrite write) {
  return write == GradientWrite::accumulate ? &one : &zero;
}

class Relu : public ActivationDescriptor {
 public:
  Relu(const CudnnLibrary& library, cudnnNanPropagation_t nan) : ActivationDescriptor(library) {
    XR_CUDNN_CALL(library, cudnnSetActivationDescriptor, get(), CUDNN_ACTIVATION_RELU, nan, 0.0);
  }
};

/// As many elements in one row: the layout does not matter when both operands have the same.
ConstView flat(ConstView view) {
  view.shape = {view.numel()};
  view.layout = Layout::contiguous;
  return view;
}

}  // namespace

Ran CudnnOperations::relu_forward(ConstView x, View y) {
  if (!suits_legacy(x)) return nullptr;
  const Relu relu(cudnn_, CUDNN_PROPAGATE_NAN);  // NaN stays NaN
  const TensorDescriptor form(cudnn_, flat(x));
  if (!XR_CUDNN_TRY(cudnn_, cudnnActivationForward, handle_, relu.get(), &one, form.get(), x.data, &zero,
                    form.get(), y.data))
    return nullptr;
  return "cudnn relu_forward";
}

// ReLU's gradient looks at the sign of x alone, which y has too.
Ran CudnnOperations::relu_backward(ConstView y, ConstView dy, View dx, GradientWrite write) {
  if (!suits_legacy(y)) return nullptr;
  const Relu relu(cudnn_, CUDNN_NOT_PROPAGATE_NAN);  // a y of NaN is not positive
  const TensorDescriptor form(cudnn_, flat(y));
  if (!XR_CUDNN_TRY(cudnn_, cudnnActivationBackward, handle_, relu.get(), &one, form.get(), y.data,
                    form.get(), dy.data, form.get(), y.data, beta_of(write), form.get(), dx.data))
    return nullptr;
  return "cudnn relu_backward";
}

bool CudnnOperations::run_softmax(ConstView x, View y, cudnnSoftmaxAlgorithm_t algorithm) {
  if (!suits_legacy(x) || x.shape.rank() != 2) return false;
  const TensorDescriptor form(cudnn_, x);
  return XR_CUDNN_TRY(cudnn_, cudnnSoftmaxForward, handle_, algorithm, CUDNN_SOFTMAX_MODE_INSTANCE, &one,
                      form.get(), x.data, &zero, form.get(), y.data);
}

bool CudnnOperations::run_softmax_backward(ConstView y, ConstView dy, View dx, GradientWrite write,
                                           cudnnSoftmaxAlgorithm_t algorithm) {
  if (!suits_legacy(y) || y.shape.rank() != 2) return false;
  const TensorDescriptor form(cudnn_, y);
  return XR_CUDNN_TRY(cudnn_, cudnnSoftmaxBackward, handle_, algorithm, CUDNN_SOFTMAX_MODE_INSTANCE, &one,
                      form.get(), y.data, form.get(), dy.data, beta_of(write), form.get(), dx.data);
}

Ran CudnnOperations::softmax_forward(ConstView x, View y) {
  return run_softmax(x, y, CUDNN_SOFTMAX_ACCURATE) ? "cudnn softmax_forward" : nullptr;
}

Ran CudnnOperations::softmax_backward(ConstView y, ConstView dy, View dx, GradientWrite write) {
  return run_softmax_backward(y, dy, dx, write, CUDNN_SOFTMAX_ACCURATE) ? "cudnn softmax_backward" : nullptr;
}

Ran CudnnOperations::log_softmax_forward(ConstView x, View y) {
  return run_softmax(x, y, CUDNN_SOFTMAX_LOG) ? "cudnn log_softmax_forward" : nullptr;
}

Ran CudnnOperations::log_softmax_backward(ConstView y, ConstView dy, View dx, GradientWrite write) {
  return run_softmax_backward(y, dy, dx, write, CUDNN_SOFTMAX_LOG) ? "cudnn log_softmax_backward" : nullptr;
}

bool CudnnOperations::run_avg_pool(const Pool2dParams& params, ConstView x, View y) {
  if (!suits_legacy(x) || !suits_legacy(y)) return false;
  const PoolingDescriptor pooling(cudnn_);
  const auto mode = params.count_include_pad ? CUDNN_POOLING_AVERAGE_COUNT_INCLUDE_PADDING
                                             : CUDNN_POOLING_AVERAGE_COUNT_EXCLUDE_PADDING;
  const auto whole = [](std::int64_t value) { return static_cast<int>(value); };  // fits: x is small enough
  XR_CUDNN_CALL(cudnn_, cudnnSetPooling2dDescriptor, pooling.get(), mode, CUDNN_PROPAGATE_NAN,
                whole(params.kernel_h), whole(params.kernel_w), whole(params.padding_h),
                whole(params.padding_w), whole(params.stride_h), whole(params.stride_w));
  const TensorDescriptor x_form(cudnn_, x), y_form(cudnn_, y);
  return XR_CUDNN_TRY(cudnn_, cudnnPoolingForward, handle_, pooling.get(), &one, x_form.get(), x.data, &zero,
                      y_form.get(), y.data);
}

Ran CudnnOperations::avg_pool2d_forward(const Pool2dParams& params, ConstView x, View y) {
  const auto reasonable = [](std::int64_t kernel, std::int64_t stride, std::int64_t padding) {
    return 2 * padding <= kernel && kernel <= INT_MAX && stride <= INT_MAX;  // no window of padding alone
  };
  if (!reasonable(params.kernel_h, params.stride_h, params.padding_h) ||
      !reasonable(params.kernel_w, params.stride_w, params.padding_w))
    return nullptr;
  return run_avg_pool(params, x, y) ? "cudnn avg_pool2d_forward" : nullptr;
}

Ran CudnnOperations::global_avg_pool2d_forward(ConstView x, View y) {
  Pool2dParams params;
  params.kernel_h = params.stride_h = x.shape[2];
  params.kernel_w = params.stride_w = x.shape[3];
  return run_avg_pool(params, x, y) ? "cudnn global_avg_pool2d_forward" : nullptr;
}

}  // namespace xr::kernels::cudnn
