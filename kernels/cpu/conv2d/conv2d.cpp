// conv2d: checks its operands and hands the work to oneDNN (conv2d_onednn.cpp), to conv2d_few_channels.cpp
// (the gradients of convolutions of at most 4 input channels) or to conv2d_winograd.cpp (the filter gradient
// of 3x3 convolutions of few enough channels for its sums to stay in the cache).
#include "kernels/cpu/conv2d/conv2d.h"

#include <algorithm>

#include "kernels/common/checks.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/elements.h"

namespace xr::kernels::cpu {

double multiply_adds(const Conv2dProblem& p) {
  const std::int64_t taps = p.in_channels / p.params.groups * p.kernel_h * p.kernel_w;
  return static_cast<double>(p.y_shape().numel()) * static_cast<double>(taps);
}

bool has_few_channels(const Conv2dProblem& problem) {
  return problem.params.groups == 1 && problem.in_channels <= 4;
}

namespace {

enum class FilterKernel : std::uint8_t { few_channels, winograd, onednn };

// oneDNN 2.6.3's filter gradient for AMX is wrong, or writes where it must not, where rows are long: 2 x 16 x 5 x 400, 3x3,
// 32 filters; right with 380 and fewer outputs in a row. From here on bf16 is widened for the kernels of f32.
constexpr std::int64_t max_row_in_bf16 = 256;

FilterKernel filter_kernel_of(const Conv2dProblem& problem) {
  if (problem.activation != DType::f32 && problem.out_w <= max_row_in_bf16) return FilterKernel::onednn;
  if (has_few_channels(problem)) return FilterKernel::few_channels;
  return has_winograd_backward_filter(problem) ? FilterKernel::winograd : FilterKernel::onednn;
}

void backward_filter(OneDnn& one_dnn, const Conv2dProblem& problem, const void* x, const void* dy,
                     float* d_filter, float* d_bias, GradientWrite write) {
  const auto *x_floats = static_cast<const float*>(x), *dy_floats = static_cast<const float*>(dy);
  switch (filter_kernel_of(problem)) {
    case FilterKernel::few_channels:
      return few_channels_backward_filter(one_dnn, problem, x_floats, dy_floats, d_filter, d_bias, write);
    case FilterKernel::winograd:
      return winograd_backward_filter(one_dnn, problem, x_floats, dy_floats, d_filter, d_bias, write);
    case FilterKernel::onednn:
      return onednn_backward_filter(one_dnn, problem, x, dy, d_filter, d_bias, write);
  }
}

const float* widened(OneDnn& one_dnn, Temporary which, const ConstView& view) {
  float* const values = one_dnn.temporary(which, view.numel());
  parallel_ranges(view.numel(), elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
    widen(view.as<Bf16>() + begin, values + begin, end - begin);
  });
  return values;
}

}  // namespace

void CpuBackend::compute(const Conv2dForward& call) {
  const Conv2dProblem problem = call.problem();
  if (problem.batch == 0) return;
  const OneDnn::Call scope(*primitives_, multiply_adds(problem));
  onednn_forward(*primitives_, problem, call.x.data, call.filter.as<float>(), call.bias.as<float>(),
                 call.y.data);
}

void CpuBackend::compute(const Conv2dBackwardData& call) {
  const Conv2dProblem problem = call.problem();
  if (problem.batch == 0) return;
  const OneDnn::Call scope(*primitives_, multiply_adds(problem));
  if (problem.activation == DType::f32 && has_few_channels(problem))
    few_channels_backward_data(*primitives_, problem, call.dy.as<float>(), call.filter.as<float>(),
                               call.dx.as<float>(), call.write);
  else
    onednn_backward_data(*primitives_, problem, call.dy.data, call.filter.as<float>(), call.dx.data,
                         call.write);
}

void CpuBackend::compute(const Conv2dBackwardFilter& call) {
  const Conv2dProblem problem = call.problem();
  auto *const d_filter = call.d_filter.as<float>(), *const d_bias = call.d_bias.as<float>();
  if (problem.batch == 0) {
    if (call.write == GradientWrite::accumulate) return;
    std::fill_n(d_filter, call.d_filter.numel(), 0.0f);
    if (call.d_bias.defined()) std::fill_n(d_bias, call.d_bias.numel(), 0.0f);
    return;
  }
  const OneDnn::Call scope(*primitives_, multiply_adds(problem));
  if (problem.activation == DType::f32 || problem.out_w <= max_row_in_bf16)
    return backward_filter(*primitives_, problem, call.x.data, call.dy.data, d_filter, d_bias, call.write);
  Conv2dProblem in_f32 = problem;
  in_f32.activation = DType::f32;
  backward_filter(*primitives_, in_f32, widened(*primitives_, Temporary::widened, call.x),
                  widened(*primitives_, Temporary::widened_gradient, call.dy), d_filter, d_bias, call.write);
}

}  // namespace xr::kernels::cpu

namespace xr::kernels {

const char* cpu_kernel_of(const Conv2dBackwardFilter& call) {
  constexpr const char* names[] = {"few_channels", "winograd", "oneDNN"};
  return names[static_cast<std::size_t>(cpu::filter_kernel_of(call.problem()))];
}

}  // namespace xr::kernels
