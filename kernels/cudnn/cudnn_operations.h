// Operations through the loaded libraries. The members are defined in the file of their operation.
#pragma once

#include <memory>

#include "kernels/cudnn/convolution_plan.h"
#include "kernels/cudnn/cublas_products.h"
#include "kernels/cudnn/legacy_descriptor.h"
#include "kernels/cudnn/operations.h"

namespace xr::kernels::cudnn {

class CudnnOperations final : public Operations {
 public:
  explicit CudnnOperations(const Place& place);
  ~CudnnOperations() override;

  std::string version() const override { return cudnn_.version() + " and " + products_.version(); }
  void set_precision(Precision precision) override;
  void set_convolution_plan(int index) override { plan_ = index; }

  Ran conv2d_forward(const Conv2dProblem& problem, ConstView x, ConstView filter, ConstView bias,
                     View y) override;
  Ran conv2d_backward_data(const Conv2dProblem& problem, ConstView dy, ConstView filter, View dx,
                           GradientWrite write) override;
  Ran conv2d_backward_filter(const Conv2dProblem& problem, ConstView x, ConstView dy, View d_filter,
                             View d_bias, GradientWrite write) override;
  Ran avg_pool2d_forward(const Pool2dParams& params, ConstView x, View y) override;
  Ran global_avg_pool2d_forward(ConstView x, View y) override;
  Ran relu_forward(ConstView x, View y) override;
  Ran relu_backward(ConstView y, ConstView dy, View dx, GradientWrite write) override;
  Ran batch_norm2d_forward_training(const BatchNormParams& params, ConstView x, ConstView gamma,
                                    ConstView beta, View running_mean, View running_var, View y, View mean,
                                    View inverse_std) override;
  Ran batch_norm2d_forward_inference(const BatchNormParams& params, ConstView x, ConstView gamma,
                                     ConstView beta, ConstView running_mean, ConstView running_var,
                                     View y) override;
  Ran batch_norm2d_backward_training(ConstView x, ConstView dy, ConstView gamma, ConstView mean,
                                     ConstView inverse_std, View dx, GradientWrite write_dx, View d_gamma,
                                     GradientWrite write_d_gamma, View d_beta,
                                     GradientWrite write_d_beta) override;
  Ran softmax_forward(ConstView x, View y) override;
  Ran softmax_backward(ConstView y, ConstView dy, View dx, GradientWrite write) override;
  Ran log_softmax_forward(ConstView x, View y) override;
  Ran log_softmax_backward(ConstView y, ConstView dy, View dx, GradientWrite write) override;
  Ran matmul(ConstView a, bool transpose_a, ConstView b, bool transpose_b, View c,
             GradientWrite write) override {
    return products_.matmul(a, transpose_a, b, transpose_b, c, write);
  }
  Ran linear_forward(ConstView x, ConstView weight, ConstView bias, View y) override {
    return products_.linear_forward(x, weight, bias, y);
  }

 private:
  void close() noexcept;
  void run_plan(const ConvolutionPlan& plan, ConstView x, ConstView filter, ConstView y, ConstView bias);
  bool run_softmax(ConstView x, View y, cudnnSoftmaxAlgorithm_t algorithm);
  bool run_softmax_backward(ConstView y, ConstView dy, View dx, GradientWrite write,
                            cudnnSoftmaxAlgorithm_t algorithm);
  bool run_avg_pool(const Pool2dParams& params, ConstView x, View y);

  Backend& own_;
  CudnnLibrary cudnn_;
  CublasProducts products_;
  cudnnHandle_t handle_ = nullptr;
  Precision precision_ = Precision::fp32;
  int plan_ = 0;  // of a convolution
  Workspace workspace_;
  std::unique_ptr<ConvolutionPlans> plans_;
};

}  // namespace xr::kernels::cudnn
