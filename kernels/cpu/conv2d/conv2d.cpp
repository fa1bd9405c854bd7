// conv2d: checks its operands and hands the work to oneDNN (conv2d_onednn.cpp), to conv2d_few_channels.cpp
// (the gradients of convolutions of at most 4 input channels) or to conv2d_winograd.cpp (the filter gradient
// of 3x3 convolutions of few enough channels for its sums to stay in the cache).
#include "kernels/cpu/conv2d/conv2d.h"

#include <algorithm>

#include "kernels/common/checks.h"
#include "kernels/cpu/cpu_backend.h"

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

FilterKernel filter_kernel_of(const Conv2dProblem& problem) {
  if (problem.activation != DType::f32) return FilterKernel::onednn;
  if (has_few_channels(problem)) return FilterKernel::few_channels;
  return has_winograd_backward_filter(problem) ? FilterKernel::winograd : FilterKernel::onednn;
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
  switch (filter_kernel_of(problem)) {
    case FilterKernel::few_channels:
      return few_channels_backward_filter(*primitives_, problem, call.x.as<float>(), call.dy.as<float>(),
                                          d_filter, d_bias, call.write);
    case FilterKernel::winograd:
      return winograd_backward_filter(*primitives_, problem, call.x.as<float>(), call.dy.as<float>(),
                                      d_filter, d_bias, call.write);
    case FilterKernel::onednn:
      return onednn_backward_filter(*primitives_, problem, call.x.data, call.dy.data, d_filter, d_bias,
                                    call.write);
  }
}

}  // namespace xr::kernels::cpu

namespace xr::kernels {

const char* cpu_kernel_of(const Conv2dBackwardFilter& call) {
  constexpr const char* names[] = {"few_channels", "winograd", "oneDNN"};
  return names[static_cast<std::size_t>(cpu::filter_kernel_of(call.problem()))];
}

}  // namespace xr::kernels
