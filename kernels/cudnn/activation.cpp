// ReLU, softmax, log-softmax and average pooling through cuDNN's older API, f32. Max pooling is not here: the
// argmax that backend.h keeps is the own kernels', and cudnnPoolingBackward reads x and y instead; nor is the
// backward of average pooling, which wants x and y although it does not need them.
#include "kernels/cudnn/cudnn_operations.h"

namespace xr::kernels::cudnn {

namespace {

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

Ran CudnnOperations::run(const ReluForward& call) {
  if (!suits_legacy(call.x)) return {};
  const Relu relu(cudnn_, CUDNN_PROPAGATE_NAN);  // NaN stays NaN
  const TensorDescriptor form(cudnn_, flat(call.x));
  if (!XR_CUDNN_TRY(cudnn_, cudnnActivationForward, handle_, relu.get(), &one, form.get(), call.x.data, &zero,
                    form.get(), call.y.data))
    return {};
  return {Library::cudnn, "cudnn relu_forward"};
}

// ReLU's gradient looks at the sign of x alone, which y has too.
Ran CudnnOperations::run(const ReluBackward& call) {
  if (!suits_legacy(call.y)) return {};
  const Relu relu(cudnn_, CUDNN_NOT_PROPAGATE_NAN);  // a y of NaN is not positive
  const TensorDescriptor form(cudnn_, flat(call.y));
  if (!XR_CUDNN_TRY(cudnn_, cudnnActivationBackward, handle_, relu.get(), &one, form.get(), call.y.data,
                    form.get(), call.dy.data, form.get(), call.y.data, beta_of(call.write), form.get(),
                    call.dx.data))
    return {};
  return {Library::cudnn, "cudnn relu_backward"};
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

Ran CudnnOperations::run(const SoftmaxForward& call) {
  if (!run_softmax(call.x, call.y, CUDNN_SOFTMAX_ACCURATE)) return {};
  return {Library::cudnn, "cudnn softmax_forward"};
}

Ran CudnnOperations::run(const SoftmaxBackward& call) {
  if (!run_softmax_backward(call.y, call.dy, call.dx, call.write, CUDNN_SOFTMAX_ACCURATE)) return {};
  return {Library::cudnn, "cudnn softmax_backward"};
}

Ran CudnnOperations::run(const LogSoftmaxForward& call) {
  if (!run_softmax(call.x, call.y, CUDNN_SOFTMAX_LOG)) return {};
  return {Library::cudnn, "cudnn log_softmax_forward"};
}

Ran CudnnOperations::run(const LogSoftmaxBackward& call) {
  if (!run_softmax_backward(call.y, call.dy, call.dx, call.write, CUDNN_SOFTMAX_LOG)) return {};
  return {Library::cudnn, "cudnn log_softmax_backward"};
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

Ran CudnnOperations::run(const AvgPool2dForward& call) {
  const auto reasonable = [](std::int64_t kernel, std::int64_t stride, std::int64_t padding) {
    return 2 * padding <= kernel && kernel <= INT_MAX && stride <= INT_MAX;  // no window of padding alone
  };
  if (!reasonable(call.params.kernel_h, call.params.stride_h, call.params.padding_h) ||
      !reasonable(call.params.kernel_w, call.params.stride_w, call.params.padding_w))
    return {};
  if (!run_avg_pool(call.params, call.x, call.y)) return {};
  return {Library::cudnn, "cudnn avg_pool2d_forward"};
}

Ran CudnnOperations::run(const GlobalAvgPool2dForward& call) {
  Pool2dParams params;
  params.kernel_h = params.stride_h = call.x.shape[2];
  params.kernel_w = params.stride_w = call.x.shape[3];
  if (!run_avg_pool(params, call.x, call.y)) return {};
  return {Library::cudnn, "cudnn global_avg_pool2d_forward"};
}

}  // namespace xr::kernels::cudnn
