// conv2d: checks its operands and hands the work to oneDNN (conv2d_onednn.cpp) or to hand-written kernels:
// - conv2d_winograd_bf16.cpp and conv2d_winograd_bf16_filter.cpp: 3x3 with stride 1 in bf16 without AMX;
// - gradients: conv2d_few_channels.cpp (at most 4 input channels), filter gradients in bf16 without AMX:
//   conv2d_few_channels_bf16.cpp;
// - filter gradients: conv2d_winograd.cpp (3x3 in f32, few enough channels for the sums to stay in the cache),
//   conv2d_windows.cpp (bf16 with AMX, few channels or few pixels), conv2d_depthwise.cpp.
#include "kernels/cpu/conv2d/conv2d.h"

#include <algorithm>
#include <optional>

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

enum class FilterKernel : std::uint8_t {
  few_channels,
  winograd,
  onednn,
  depthwise,
  windows,
  winograd_bf16,
  few_channels_bf16
};

// Of this project, for activations of the problem's type.
std::optional<FilterKernel> own_filter_kernel_of(const Conv2dProblem& problem) {
  if (has_depthwise_backward_filter(problem)) return FilterKernel::depthwise;
  if (has_windows_backward_filter(problem)) return FilterKernel::windows;
  if (has_winograd_in_bf16(problem)) return FilterKernel::winograd_bf16;
  if (has_few_channels_in_bf16(problem)) return FilterKernel::few_channels_bf16;
  if (problem.activation != DType::f32) return std::nullopt;
  if (has_few_channels(problem)) return FilterKernel::few_channels;
  if (has_winograd_backward_filter(problem)) return FilterKernel::winograd;
  return std::nullopt;
}

// oneDNN's filter gradient in bf16 is slow with few channels (60 x 1 x 224 x 224 -> 32 takes 280 ms) and wrong with long
// rows. Then bf16 is widened, some images at a time, for the kernels of f32.
constexpr std::int64_t widened_elements = std::int64_t{4} << 20;

bool is_widened(const Conv2dProblem& problem) {
  return problem.activation == DType::bf16 && !own_filter_kernel_of(problem) &&
         (has_few_channels(problem) || problem.out_w > max_row_in_bf16);
}

FilterKernel filter_kernel_of(Conv2dProblem problem) {
  if (is_widened(problem)) problem.activation = DType::f32;
  return own_filter_kernel_of(problem).value_or(FilterKernel::onednn);
}

void backward_filter(OneDnn& one_dnn, const Conv2dProblem& problem, const void* x, const void* dy,
                     float* d_filter, float* d_bias, GradientWrite write) {
  const auto *x_floats = static_cast<const float*>(x), *dy_floats = static_cast<const float*>(dy);
  switch (filter_kernel_of(problem)) {
    case FilterKernel::few_channels:
      return few_channels_backward_filter(one_dnn, problem, x_floats, dy_floats, d_filter, d_bias, write);
    case FilterKernel::winograd:
      return winograd_backward_filter(one_dnn, problem, x_floats, dy_floats, d_filter, d_bias, write);
    case FilterKernel::depthwise:
      return depthwise_backward_filter(one_dnn, problem, x, dy, d_filter, d_bias, write);
    case FilterKernel::windows:
      return windows_backward_filter(one_dnn, problem, static_cast<const Bf16*>(x),
                                     static_cast<const Bf16*>(dy), d_filter, d_bias, write);
    case FilterKernel::winograd_bf16:
      return winograd_backward_filter_in_bf16(one_dnn, problem, static_cast<const Bf16*>(x),
                                              static_cast<const Bf16*>(dy), d_filter, d_bias, write);
    case FilterKernel::few_channels_bf16:
      return few_channels_backward_filter_in_bf16(one_dnn, problem, static_cast<const Bf16*>(x),
                                                  static_cast<const Bf16*>(dy), d_filter, d_bias, write);
    case FilterKernel::onednn:
      return onednn_backward_filter(one_dnn, problem, x, dy, d_filter, d_bias, write);
  }
}

const float* widened(CpuBackend& backend, OneDnn& one_dnn, Temporary which, const Bf16* values,
                     std::int64_t count) {
  one_dnn.add_record({Conv2dBackwardFilter::name, which == Temporary::widened ? "x" : "dy",
                      count * static_cast<std::int64_t>(sizeof(Bf16))});
  float* const result = one_dnn.temporary(which, count);
  backend.run(Cast{.x = {values, {count}, DType::bf16}, .y = {{result, {count}, DType::f32}}});
  return result;
}

void backward_filter_in_f32(CpuBackend& backend, OneDnn& one_dnn, Conv2dProblem problem, const Bf16* x,
                            const Bf16* dy, float* d_filter, float* d_bias, GradientWrite write) {
  problem.activation = DType::f32;
  const std::int64_t batch = problem.batch, x_image = problem.x_shape().numel() / batch,
                     y_image = problem.y_shape().numel() / batch,
                     images = std::max<std::int64_t>(1, widened_elements / std::max(x_image, y_image));
  for (std::int64_t first = 0; first < batch; first += images) {
    problem.batch = std::min(images, batch - first);
    backward_filter(
        one_dnn, problem,
        widened(backend, one_dnn, Temporary::widened, x + first * x_image, problem.batch * x_image),
        widened(backend, one_dnn, Temporary::widened_gradient, dy + first * y_image, problem.batch * y_image),
        d_filter, d_bias, first == 0 ? write : GradientWrite::accumulate);
  }
}

}  // namespace

void CpuBackend::compute(const Conv2dForward& call) {
  const Conv2dProblem problem = call.problem();
  if (problem.batch == 0) return;
  const OneDnn::Call scope(*primitives_, multiply_adds(problem));
  const ForwardOptions options{
      .residual = call.residual.data, .relu = call.relu, .filter_number = call.filter_number};
  if (has_winograd_in_bf16(problem))
    winograd_forward_in_bf16(*primitives_, problem, call.x.as<Bf16>(), call.filter.as<float>(),
                             call.bias.as<float>(), call.y.as<Bf16>(), options);
  else
    onednn_forward(*primitives_, problem, call.x.data, call.filter.as<float>(), call.bias.as<float>(),
                   call.y.data, options);
}

void CpuBackend::compute(const Conv2dBackwardData& call) {
  const Conv2dProblem problem = call.problem();
  if (problem.batch == 0) return;
  const OneDnn::Call scope(*primitives_, multiply_adds(problem));
  if (problem.activation == DType::f32 && has_few_channels(problem))
    few_channels_backward_data(*primitives_, problem, call.dy.as<float>(), call.filter.as<float>(),
                               call.dx.as<float>(), call.write);
  else if (has_winograd_in_bf16(problem))
    winograd_backward_data_in_bf16(*primitives_, problem, call.dy.as<Bf16>(), call.filter.as<float>(),
                                   call.dx.as<Bf16>(), call.write);
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
  if (is_widened(problem))
    backward_filter_in_f32(*this, *primitives_, problem, call.x.as<Bf16>(), call.dy.as<Bf16>(), d_filter,
                           d_bias, call.write);
  else
    backward_filter(*primitives_, problem, call.x.data, call.dy.data, d_filter, d_bias, call.write);
}

}  // namespace xr::kernels::cpu

namespace xr::kernels {

const char* cpu_kernel_of(const Conv2dBackwardFilter& call) {
  constexpr const char* names[] = {"few_channels", "winograd", "oneDNN",      "depthwise",
                                   "windows",      "winograd", "few_channels"};
  return names[static_cast<std::size_t>(cpu::filter_kernel_of(call.problem()))];
}

}  // namespace xr::kernels
