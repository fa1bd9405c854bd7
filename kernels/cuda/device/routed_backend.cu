// Each operation that cuDNN or cuBLAS also has: whether the operands are such that the libraries may be
// asked, and both ways to run it. What they may not be given goes to the own kernels, which say what is wrong
// with it.
#include "kernels/cuda/device/routed_backend.h"

#include <algorithm>

#include "kernels/common/checks.h"
#include "kernels/common/conv2d_problem.h"
#include "kernels/common/pool2d.h"
#include "kernels/cuda/conv2d/conv2d.h"

namespace xr::kernels::cuda {

namespace {

bool same_form(const ConstView& a, const ConstView& b) {
  return a.shape == b.shape && a.layout == b.layout && a.dtype == b.dtype && a.numel() > 0;
}

template <class... Views>
std::size_t bytes_of_all(const Views&... views) {
  return (std::size_t{0} + ... + (views.defined() ? views.bytes() : 0));
}

/// f32, one value per channel of x.
template <class... Views>
bool are_vectors(const ConstView& x, const Views&... vectors) {
  return ((vectors.defined() && vectors.dtype == DType::f32 && vectors.numel() == x.shape[1]) && ...);
}

bool is_normalised(const ConstView& x, const ConstView& y) {
  return (x.shape.rank() == 2 || x.shape.rank() == 4) && same_form(x, y);
}

/// Whether the own matrix kernels are made for a product of these extents: one is that of a batch (or of
/// classes), so that reading the large operand once is all the work. Square products are cuBLAS's.
bool is_skinny(std::int64_t m, std::int64_t n, std::int64_t k) {
  constexpr std::int64_t widest = 64;
  return std::min({m, n, k}) <= widest;
}

/// Rows of classes.
bool is_matrix(const ConstView& x) {
  return x.shape.rank() == 2 && x.layout == Layout::contiguous;
}

}  // namespace

RoutedBackend::RoutedBackend(Stream stream, int device)
    : KernelBackend(stream), chooser_([this, stream, device] {
        XR_CUDA_CHECK(cudaSetDevice(device));
        return cudnn::make_operations({*this, stream, [this] { return has_captured(); }});
      }) {}

void RoutedBackend::configure(const BackendOptions& options) {
  chooser_.configure(options);
  KernelBackend::configure(options);
}

void RoutedBackend::free_workspace() noexcept {
  chooser_.close();
  KernelBackend::free_workspace();
}

/// fast: an own kernel is made for such a call. valid: the libraries may be given the operands.
template <class Library, class Own>
void RoutedBackend::route(const char* operation, bool fast, bool valid, const Work& work,
                          const Library& library, const Own& own) {
  cudnn::Operations* const libraries = valid ? chooser_.libraries_for(operation, fast) : nullptr;
  if (libraries == nullptr) return own();
  use_device();
  const cudnn::Ran ran = library(*libraries);
  chooser_.remember(operation, ran);
  if (ran == nullptr) return own();
  if (records() != nullptr)
    records()->push_back({ran, {}, {}, 0, static_cast<std::int64_t>(work.bytes), work.operations});
}

void RoutedBackend::conv2d_forward(const Conv2dParams& params, ConstView x, ConstView filter, ConstView bias,
                                   View y) {
  const Conv2dProblem problem = check_conv2d("conv2d_forward", params, "x", x, filter, "y", y);
  const bool valid = problem.batch > 0 && x.layout != Layout::blocked16 && y.layout != Layout::blocked16 &&
                     (!bias.defined() || (bias.dtype == DType::f32 && bias.numel() == problem.out_channels));
  route(
      "conv2d_forward", suits_few_channels(problem) || suits_implicit_gemm(problem, x), valid,
      {bytes_of_all(x, filter, bias, y), problem.operations()},
      [&](cudnn::Operations& library) { return library.conv2d_forward(problem, x, filter, bias, y); },
      [&] { KernelBackend::conv2d_forward(params, x, filter, bias, y); });
}

void RoutedBackend::conv2d_backward_data(const Conv2dParams& params, ConstView dy, ConstView filter, View dx,
                                         GradientWrite write) {
  const Conv2dProblem problem = check_conv2d("conv2d_backward_data", params, "dx", dx, filter, "dy", dy);
  const bool valid = problem.batch > 0 && dx.layout != Layout::blocked16 && dy.layout != Layout::blocked16;
  route(
      "conv2d_backward_data", suits_implicit_gemm(problem, dy), valid,
      {bytes_of_all(dy, filter, dx), problem.operations()},
      [&](cudnn::Operations& library) {
        return library.conv2d_backward_data(problem, dy, filter, dx, write);
      },
      [&] { KernelBackend::conv2d_backward_data(params, dy, filter, dx, write); });
}

void RoutedBackend::conv2d_backward_filter(const Conv2dParams& params, ConstView x, ConstView dy,
                                           View d_filter, View d_bias, GradientWrite write) {
  const Conv2dProblem problem = check_conv2d("conv2d_backward_filter", params, "x", x, d_filter, "dy", dy);
  const bool fast =
      suits_few_channels(problem) || (suits_implicit_gemm(problem, x) && suits_implicit_gemm(problem, dy));
  const bool valid =
      problem.batch > 0 && x.layout != Layout::blocked16 && dy.layout != Layout::blocked16 &&
      (!d_bias.defined() || (d_bias.dtype == DType::f32 && d_bias.numel() == problem.out_channels));
  route(
      "conv2d_backward_filter", fast, valid, {bytes_of_all(x, dy, d_filter, d_bias), problem.operations()},
      [&](cudnn::Operations& library) {
        return library.conv2d_backward_filter(problem, x, dy, d_filter, d_bias, write);
      },
      [&] { KernelBackend::conv2d_backward_filter(params, x, dy, d_filter, d_bias, write); });
}

void RoutedBackend::avg_pool2d_forward(const Pool2dParams& params, ConstView x, View y) {
  require_pool2d("avg_pool2d_forward", params, x, y);
  route(
      "avg_pool2d_forward", true, x.numel() > 0 && x.dtype == y.dtype, {bytes_of_all(x, y)},
      [&](cudnn::Operations& library) { return library.avg_pool2d_forward(params, x, y); },
      [&] { KernelBackend::avg_pool2d_forward(params, x, y); });
}

void RoutedBackend::global_avg_pool2d_forward(ConstView x, View y) {
  const bool valid = x.shape.rank() == 4 && x.numel() > 0 && y.shape == (Shape{x.shape[0], x.shape[1]}) &&
                     y.layout == Layout::contiguous && x.dtype == y.dtype;
  route(
      "global_avg_pool2d_forward", true, valid, {bytes_of_all(x, y)},
      [&](cudnn::Operations& library) { return library.global_avg_pool2d_forward(x, y); },
      [&] { KernelBackend::global_avg_pool2d_forward(x, y); });
}

void RoutedBackend::relu_forward(ConstView x, View y) {
  route(
      "relu_forward", true, same_form(x, y), {bytes_of_all(x, y)},
      [&](cudnn::Operations& library) { return library.relu_forward(x, y); },
      [&] { KernelBackend::relu_forward(x, y); });
}

void RoutedBackend::relu_backward(ConstView y, ConstView dy, View dx, GradientWrite write) {
  route(
      "relu_backward", true, same_form(y, dy) && same_form(y, dx), {bytes_of_all(y, dy, dx)},
      [&](cudnn::Operations& library) { return library.relu_backward(y, dy, dx, write); },
      [&] { KernelBackend::relu_backward(y, dy, dx, write); });
}

void RoutedBackend::batch_norm2d_forward_training(const BatchNormParams& params, ConstView x, ConstView gamma,
                                                  ConstView beta, View running_mean, View running_var, View y,
                                                  View mean, View inverse_std) {
  const bool valid =
      is_normalised(x, y) && are_vectors(x, gamma, beta, running_mean, running_var, mean, inverse_std);
  route(
      "batch_norm2d_forward_training", true, valid, {bytes_of_all(x, x, y)},
      [&](cudnn::Operations& library) {
        return library.batch_norm2d_forward_training(params, x, gamma, beta, running_mean, running_var, y,
                                                     mean, inverse_std);
      },
      [&] {
        KernelBackend::batch_norm2d_forward_training(params, x, gamma, beta, running_mean, running_var, y,
                                                     mean, inverse_std);
      });
}

void RoutedBackend::batch_norm2d_forward_inference(const BatchNormParams& params, ConstView x,
                                                   ConstView gamma, ConstView beta, ConstView running_mean,
                                                   ConstView running_var, View y) {
  const bool valid = is_normalised(x, y) && are_vectors(x, gamma, beta, running_mean, running_var);
  route(
      "batch_norm2d_forward_inference", true, valid, {bytes_of_all(x, y)},
      [&](cudnn::Operations& library) {
        return library.batch_norm2d_forward_inference(params, x, gamma, beta, running_mean, running_var, y);
      },
      [&] {
        KernelBackend::batch_norm2d_forward_inference(params, x, gamma, beta, running_mean, running_var, y);
      });
}

void RoutedBackend::batch_norm2d_backward_training(ConstView x, ConstView dy, ConstView gamma, ConstView mean,
                                                   ConstView inverse_std, View dx, GradientWrite write_dx,
                                                   View d_gamma, GradientWrite write_d_gamma, View d_beta,
                                                   GradientWrite write_d_beta) {
  const bool valid = is_normalised(x, dy) && dx.defined() && same_form(x, dx) &&
                     are_vectors(x, gamma, mean, inverse_std, d_gamma, d_beta);
  route(
      "batch_norm2d_backward_training", true, valid, {bytes_of_all(x, x, dy, dy, dx)},
      [&](cudnn::Operations& library) {
        return library.batch_norm2d_backward_training(x, dy, gamma, mean, inverse_std, dx, write_dx, d_gamma,
                                                      write_d_gamma, d_beta, write_d_beta);
      },
      [&] {
        KernelBackend::batch_norm2d_backward_training(x, dy, gamma, mean, inverse_std, dx, write_dx, d_gamma,
                                                      write_d_gamma, d_beta, write_d_beta);
      });
}

bool RoutedBackend::has_fused_batch_norm2d_relu(const Shape& x, Layout layout, bool pool) const {
  return chooser_.choice() != KernelChoice::cudnn &&
         KernelBackend::has_fused_batch_norm2d_relu(x, layout, pool);
}

void RoutedBackend::softmax_forward(ConstView x, View y) {
  route(
      "softmax_forward", true, is_matrix(x) && same_form(x, y), {bytes_of_all(x, y)},
      [&](cudnn::Operations& library) { return library.softmax_forward(x, y); },
      [&] { KernelBackend::softmax_forward(x, y); });
}

void RoutedBackend::softmax_backward(ConstView y, ConstView dy, View dx, GradientWrite write) {
  route(
      "softmax_backward", true, is_matrix(y) && same_form(y, dy) && same_form(y, dx),
      {bytes_of_all(y, dy, dx)},
      [&](cudnn::Operations& library) { return library.softmax_backward(y, dy, dx, write); },
      [&] { KernelBackend::softmax_backward(y, dy, dx, write); });
}

void RoutedBackend::log_softmax_forward(ConstView x, View y) {
  route(
      "log_softmax_forward", true, is_matrix(x) && same_form(x, y), {bytes_of_all(x, y)},
      [&](cudnn::Operations& library) { return library.log_softmax_forward(x, y); },
      [&] { KernelBackend::log_softmax_forward(x, y); });
}

void RoutedBackend::log_softmax_backward(ConstView y, ConstView dy, View dx, GradientWrite write) {
  route(
      "log_softmax_backward", true, is_matrix(y) && same_form(y, dy) && same_form(y, dx),
      {bytes_of_all(y, dy, dx)},
      [&](cudnn::Operations& library) { return library.log_softmax_backward(y, dy, dx, write); },
      [&] { KernelBackend::log_softmax_backward(y, dy, dx, write); });
}

void RoutedBackend::matmul(ConstView a, bool transpose_a, ConstView b, bool transpose_b, View c,
                           GradientWrite write) {
  const bool valid = is_matrix(a) && is_matrix(b) && is_matrix(c) && a.numel() > 0 && c.numel() > 0 &&
                     a.shape[transpose_a ? 0 : 1] == b.shape[transpose_b ? 1 : 0] &&
                     c.shape == (Shape{a.shape[transpose_a ? 1 : 0], b.shape[transpose_b ? 0 : 1]});
  const std::int64_t depth = valid ? a.shape[transpose_a ? 0 : 1] : 0;
  route(
      "matmul", is_skinny(valid ? c.shape[0] : 0, valid ? c.shape[1] : 0, depth), valid,
      {bytes_of_all(a, b, c), 2 * c.numel() * depth},
      [&](cudnn::Operations& library) { return library.matmul(a, transpose_a, b, transpose_b, c, write); },
      [&] { KernelBackend::matmul(a, transpose_a, b, transpose_b, c, write); });
}

void RoutedBackend::linear_forward(ConstView x, ConstView weight, ConstView bias, View y) {
  const bool valid = is_matrix(x) && is_matrix(weight) && is_matrix(y) && x.numel() > 0 && y.numel() > 0 &&
                     x.shape[1] == weight.shape[1] && y.shape == (Shape{x.shape[0], weight.shape[0]}) &&
                     (!bias.defined() || are_vectors(y, bias));
  const std::int64_t depth = valid ? x.shape[1] : 0;
  route(
      "linear_forward", is_skinny(valid ? y.shape[0] : 0, valid ? y.shape[1] : 0, depth), valid,
      {bytes_of_all(x, weight, bias, y), 2 * y.numel() * depth},
      [&](cudnn::Operations& library) { return library.linear_forward(x, weight, bias, y); },
      [&] { KernelBackend::linear_forward(x, weight, bias, y); });
}

}  // namespace xr::kernels::cuda
