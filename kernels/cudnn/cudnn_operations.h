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

#define XR_RUN(Call) Ran run(const Call& call) override;
  XR_FOR_EACH_LIBRARY_CALL(XR_RUN)
#undef XR_RUN

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
