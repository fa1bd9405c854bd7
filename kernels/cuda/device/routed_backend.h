// The hand-written kernels, and cuDNN and cuBLAS beside them: each call goes to one or the other, as
// kernels/common/kernel_choice.h decides.
#pragma once

#include <string>

#include "kernels/common/kernel_choice.h"
#include "kernels/cuda/kernel_backend.h"

namespace xr::kernels::cuda {

class RoutedBackend : public KernelBackend {
 public:
  /// Throws Error for KernelChoice::cudnn without the libraries.
  void configure(const BackendOptions& options) override;

  void conv2d_forward(const Conv2dParams& params, ConstView x, ConstView filter, ConstView bias,
                      View y) override;
  void conv2d_backward_data(const Conv2dParams& params, ConstView dy, ConstView filter, View dx,
                            GradientWrite write) override;
  void conv2d_backward_filter(const Conv2dParams& params, ConstView x, ConstView dy, View d_filter,
                              View d_bias, GradientWrite write) override;
  void avg_pool2d_forward(const Pool2dParams& params, ConstView x, View y) override;
  void global_avg_pool2d_forward(ConstView x, View y) override;
  void relu_forward(ConstView x, View y) override;
  void relu_backward(ConstView y, ConstView dy, View dx, GradientWrite write) override;
  void batch_norm2d_forward_training(const BatchNormParams& params, ConstView x, ConstView gamma,
                                     ConstView beta, View running_mean, View running_var, View y, View mean,
                                     View inverse_std) override;
  void batch_norm2d_forward_inference(const BatchNormParams& params, ConstView x, ConstView gamma,
                                      ConstView beta, ConstView running_mean, ConstView running_var,
                                      View y) override;
  void batch_norm2d_backward_training(ConstView x, ConstView dy, ConstView gamma, ConstView mean,
                                      ConstView inverse_std, View dx, GradientWrite write_dx, View d_gamma,
                                      GradientWrite write_d_gamma, View d_beta,
                                      GradientWrite write_d_beta) override;
  /// Under KernelChoice::cudnn the parts run, each in the library.
  bool has_fused_batch_norm2d_relu(const Shape& x, Layout layout, bool pool) const override;
  void softmax_forward(ConstView x, View y) override;
  void softmax_backward(ConstView y, ConstView dy, View dx, GradientWrite write) override;
  void log_softmax_forward(ConstView x, View y) override;
  void log_softmax_backward(ConstView y, ConstView dy, View dx, GradientWrite write) override;
  void matmul(ConstView a, bool transpose_a, ConstView b, bool transpose_b, View c,
              GradientWrite write) override;
  void linear_forward(ConstView x, ConstView weight, ConstView bias, View y) override;

 protected:
  RoutedBackend(Stream stream, int device);

  /// Closes the libraries, and then what the own kernels keep. Derived classes call this before their
  /// allocator dies.
  void free_workspace() noexcept;

 private:
  /// What a call must move and do at least, for its record.
  struct Work {
    std::size_t bytes = 0;
    std::int64_t operations = 0;
  };

  template <class Library, class Own>
  void route(const char* operation, bool fast, bool valid, const Work& work, const Library& library,
             const Own& own);

  KernelChooser chooser_;
};

}  // namespace xr::kernels::cuda
