// conv2d: checks its operands and hands the work to oneDNN (conv2d_onednn.cpp), to conv2d_few_channels.cpp
// (the gradients of convolutions of at most 4 input channels) or to conv2d_winograd.cpp (the filter gradient
// of 3x3 convolutions of few enough channels for its sums to stay in the cache).
#include "kernels/cpu/conv2d/conv2d.h"

#include <algorithm>

#include "kernels/cpu/checks.h"
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

struct FilterKernel {
  const char* name;
  decltype(&onednn_backward_filter) run;
};

FilterKernel filter_kernel_of(const Conv2dProblem& problem) {
  if (has_few_channels(problem)) return {"few_channels", few_channels_backward_filter};
  if (has_winograd_backward_filter(problem)) return {"winograd", winograd_backward_filter};
  return {"oneDNN", onednn_backward_filter};
}

}  // namespace

void CpuBackend::compute(const Conv2dForward& call) {
  require_f32(call.name, "x", call.x);
  const Conv2dProblem problem = call.problem();
  if (problem.batch == 0) return;
  const OneDnn::Call scope(*primitives_, multiply_adds(problem));
  onednn_forward(*primitives_, problem, call.x.as<float>(), call.filter.as<float>(), call.bias.as<float>(),
                 call.y.as<float>());
}

void CpuBackend::compute(const Conv2dBackwardData& call) {
  require_f32(call.name, "dx", call.dx);
  const Conv2dProblem problem = call.problem();
  if (problem.batch == 0) return;
  const OneDnn::Call scope(*primitives_, multiply_adds(problem));
  auto* const run = has_few_channels(problem) ? few_channels_backward_data : onednn_backward_data;
  run(*primitives_, problem, call.dy.as<float>(), call.filter.as<float>(), call.dx.as<float>(), call.write);
}

void CpuBackend::compute(const Conv2dBackwardFilter& call) {
  require_f32(call.name, "x", call.x);
  const Conv2dProblem problem = call.problem();
  if (problem.batch == 0) {
    if (call.write == GradientWrite::accumulate) return;
    std::fill_n(call.d_filter.as<float>(), call.d_filter.numel(), 0.0f);
    if (call.d_bias.defined()) std::fill_n(call.d_bias.as<float>(), call.d_bias.numel(), 0.0f);
    return;
  }
  const OneDnn::Call scope(*primitives_, multiply_adds(problem));
  filter_kernel_of(problem).run(*primitives_, problem, call.x.as<float>(), call.dy.as<float>(),
                                call.d_filter.as<float>(), call.d_bias.as<float>(), call.write);
}

}  // namespace xr::kernels::cpu

namespace xr::kernels {

const char* cpu_kernel_of(const Conv2dBackwardFilter& call) {
  return cpu::filter_kernel_of(call.problem()).name;
}

}  // namespace xr::kernels
