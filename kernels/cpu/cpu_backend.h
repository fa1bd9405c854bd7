// The CPU backend: oneDNN where it has the operation and is fast at it, plain C++ in parallel_for elsewhere.
// Each operation is implemented in the file of its name beside this one.
#pragma once

#include <memory>

#include "kernels/backend.h"

namespace xr::kernels::cpu {

class CpuBackend final : public Backend {
 public:
  CpuBackend();
  ~CpuBackend() override;

  std::string name() const override;
  std::string description() const override;
  Layout preferred_layout(std::int64_t channels) const override;
  void* allocate(std::size_t bytes) override;
  void deallocate(void* data, std::size_t bytes) noexcept override;
  void copy_from_host(void* device, const void* host, std::size_t bytes) override;
  void copy_to_host(void* host, const void* device, std::size_t bytes) override;
  void copy(void* to, const void* from, std::size_t bytes) override;
  void synchronize() override;
  void configure(const BackendOptions& options) override;
  void reorder(ConstView x, View y) override;
  void cast(ConstView x, View y, GradientWrite write) override;
  void fill(View y, float value) override;
  void scale(float a, ConstView x, View y, GradientWrite write) override;
  void add(ConstView a, ConstView b, View y) override;
  void multiply(ConstView a, ConstView b, View y) override;
  void sum_to_shape(ConstView x, float scale, View y, GradientWrite write) override;
  void broadcast_to(ConstView dy, float scale, View dx, GradientWrite write) override;
  void augment(const AugmentParams& params, ConstView images, ConstView indices, ConstView records,
               View y) override;
  void conv2d_forward(const Conv2dParams& params, ConstView x, ConstView filter, ConstView bias,
                      View y) override;
  void conv2d_backward_data(const Conv2dParams& params, ConstView dy, ConstView filter, View dx,
                            GradientWrite write) override;
  void conv2d_backward_filter(const Conv2dParams& params, ConstView x, ConstView dy, View d_filter,
                              View d_bias, GradientWrite write) override;
  std::size_t max_pool2d_argmax_bytes(const Pool2dParams& params, const Shape& y) const override;
  void max_pool2d_forward(const Pool2dParams& params, ConstView x, View y, View argmax) override;
  void max_pool2d_backward(const Pool2dParams& params, ConstView dy, ConstView argmax, View dx,
                           GradientWrite write) override;
  void avg_pool2d_forward(const Pool2dParams& params, ConstView x, View y) override;
  void avg_pool2d_backward(const Pool2dParams& params, ConstView dy, View dx, GradientWrite write) override;
  void global_avg_pool2d_forward(ConstView x, View y) override;
  void global_avg_pool2d_backward(ConstView dy, View dx, GradientWrite write) override;
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
  void batch_norm2d_backward_inference(const BatchNormParams& params, ConstView x, ConstView dy,
                                       ConstView gamma, ConstView running_mean, ConstView running_var,
                                       View dx, GradientWrite write_dx, View d_gamma,
                                       GradientWrite write_d_gamma, View d_beta,
                                       GradientWrite write_d_beta) override;
  bool has_fused_batch_norm2d_relu(const Shape& x, Layout layout, bool pool) const override;
  void batch_norm2d_relu_forward_training(const BatchNormParams& params, bool pool, ConstView x,
                                          ConstView gamma, ConstView beta, View running_mean,
                                          View running_var, View y, View argmax, View mean,
                                          View inverse_std) override;
  void batch_norm2d_relu_backward_training(bool pool, ConstView x, ConstView y, ConstView argmax,
                                           ConstView dy, ConstView gamma, ConstView beta, ConstView mean,
                                           ConstView inverse_std, View dx, GradientWrite write_dx,
                                           View d_gamma, GradientWrite write_d_gamma, View d_beta,
                                           GradientWrite write_d_beta) override;
  void batch_norm2d_relu_forward_inference(const BatchNormParams& params, bool pool, ConstView x,
                                           ConstView gamma, ConstView beta, ConstView running_mean,
                                           ConstView running_var, View y) override;
  void matmul(ConstView a, bool transpose_a, ConstView b, bool transpose_b, View c,
              GradientWrite write) override;
  void linear_forward(ConstView x, ConstView weight, ConstView bias, View y) override;
  void dropout(const DropoutParams& params, ConstView x, View y, GradientWrite write) override;
  void softmax_forward(ConstView x, View y) override;
  void softmax_backward(ConstView y, ConstView dy, View dx, GradientWrite write) override;
  void log_softmax_forward(ConstView x, View y) override;
  void log_softmax_backward(ConstView y, ConstView dy, View dx, GradientWrite write) override;
  void cross_entropy_forward(const CrossEntropyParams& params, ConstView logits, ConstView labels,
                             ConstView class_weights, View loss, View log_probabilities) override;
  void cross_entropy_backward(const CrossEntropyParams& params, ConstView log_probabilities, ConstView labels,
                              ConstView class_weights, ConstView d_loss, View d_logits,
                              GradientWrite write) override;
  void sgd_step(const SgdParams& params, View parameters, ConstView gradients, View momentum_buffer) override;
  void adam_step(const AdamParams& params, View parameters, ConstView gradients, View first_moment,
                 View second_moment) override;

 private:
  struct Primitives;  // oneDNN engine, stream and primitives, cached by their whole descriptor
  std::unique_ptr<Primitives> primitives_;
};

}  // namespace xr::kernels::cpu
