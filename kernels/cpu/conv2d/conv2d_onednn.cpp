// conv2d through oneDNN. x (N, C, H, W), filter (O, C / groups, kH, kW), y (N, O, H', W'), any layouts.
//
// What is used when, and why (oneDNN 2.6.3, Zen 5 with AVX-512; ms of one thread):
// - Winograd's F(4x4, 3x3) for 3x3 filters with stride 1, at least 32 channels on both sides and 1024 pixels.
//   60 x 32 x 113 x 113 -> 64, padding 0: forward 68 (direct 123), data gradient 91 (131), filter gradient
//   124 (140). 60 x 256 x 7 x 7 -> 256: 8.3 (15), 8.3 (15), 9.7 (17). Slower at batch 1 there: 1.0 (0.3).
//   Relative norm error against float64 (normal inputs with and without ReLU, filters as Conv2d starts them;
//   the worst of eight shapes from 16 x 32 x 113 x 113 to 60 x 256 x 7 x 7):
//     forward 9e-7 (direct 2.2e-7), data gradient 1.1e-6 (2.2e-7), filter gradient 8e-7 (8e-6: the direct
//     kernel adds up 200 000 products one after the other).
//   So it keeps within 2e-6 everywhere and makes the largest error smaller.
// - Direct kernels in the caller's layouts where those are alike, or few input channels meet blocked16.
// - Otherwise oneDNN's choice of layouts, with conversions. Without them it falls back on plain loops
//   ("ref"), which are hundreds of times slower: 8 s for 60 x 1 x 224 x 224 -> 32.
// - Padding beyond half a window (filter gradient) or a whole one (the others) is written out in memory,
//   because the generated code stops there: 869 ms without, 248 ms with it (2 threads, 3x3, padding 2).
#include <algorithm>
#include <string_view>
#include <vector>

#include "kernels/common/parallel.h"
#include "kernels/cpu/conv2d/conv2d.h"
#include "kernels/cpu/onednn.h"

namespace xr::kernels::cpu {
namespace {

using dnnl::memory;

constexpr auto f32 = memory::data_type::f32;

// One way to compute a convolution. `any` leaves a layout to oneDNN.
struct Candidate {
  memory::desc x, y;
  dnnl::algorithm algorithm = dnnl::algorithm::convolution_direct;
};

memory::dims filter_dims(const Conv2dProblem& p) {
  const std::int64_t groups = p.params.groups, in = p.in_channels / groups;
  if (groups == 1) return {p.out_channels, in, p.kernel_h, p.kernel_w};
  return {groups, p.out_channels / groups, in, p.kernel_h, p.kernel_w};
}

// As the caller has it.
memory::desc filter_layout(const Conv2dProblem& p) {
  return {filter_dims(p), f32, p.params.groups == 1 ? memory::format_tag::oihw : memory::format_tag::goihw};
}

// As oneDNN likes it best; as an operand it has the activations' type.
memory::desc any_filter_layout(const Conv2dProblem& p, memory::data_type type) {
  return {filter_dims(p), type, memory::format_tag::any};
}

memory::desc bias_layout(const Conv2dProblem& p) {
  return {{p.out_channels}, f32, memory::format_tag::a};
}

memory::desc any_layout(const Shape& shape, DType dtype) {
  return {{shape[0], shape[1], shape[2], shape[3]}, onednn_type(dtype), memory::format_tag::any};
}

// One channel lies alike in contiguous and channels_last, but oneDNN takes two equal layouts only.
Layout layout_of_x(const Conv2dProblem& p) {
  return p.in_channels == 1 && p.y_layout == Layout::channels_last ? Layout::channels_last : p.x_layout;
}

memory::desc x_layout(const Conv2dProblem& p) {
  return activation_layout(p.x_shape(), layout_of_x(p), p.activation);
}

// Whether oneDNN has kernels for both layouts as they are.
bool lie_alike(const Conv2dProblem& p) {
  return layout_of_x(p) == p.y_layout && p.y_layout != Layout::contiguous;
}

memory::desc y_layout(const Conv2dProblem& p) {
  return activation_layout(p.y_shape(), p.y_layout, p.activation);
}

// Where Winograd's F(4x4, 3x3) is faster (see above); with fewer pixels the transformed filters
// weigh more than what they save.
bool winograd_pays(const Conv2dProblem& p) {
  const Conv2dParams& q = p.params;
  return p.activation == DType::f32 && p.kernel_h == 3 && p.kernel_w == 3 && q.stride_h == 1 &&
         q.stride_w == 1 && q.dilation_h == 1 && q.dilation_w == 1 && q.groups == 1 && q.padding_h <= 1 &&
         q.padding_w <= 1 && q.is_symmetric() && p.in_channels >= 32 && p.in_channels % 16 == 0 &&
         p.out_channels >= 32 && p.out_channels % 16 == 0 && p.batch * p.out_h * p.out_w >= 1024;
}

// What to try, best first: Winograd, the caller's layouts if oneDNN has fast kernels for them, what oneDNN
// likes best (the arguments are then converted), and the caller's layouts whatever comes.
std::vector<Candidate> candidates(Operation operation, const Conv2dProblem& p) {
  const Candidate given{x_layout(p), y_layout(p)};
  const Candidate any{any_layout(p.x_shape(), p.activation), any_layout(p.y_shape(), p.activation)};
  std::vector<Candidate> result;
  if (winograd_pays(p))
    result.push_back({activation_layout(p.x_shape(), Layout::blocked16, p.activation),
                      activation_layout(p.y_shape(), Layout::blocked16, p.activation),
                      dnnl::algorithm::convolution_winograd});
  const bool few_channels = has_few_channels(p) && operation == Operation::conv2d_forward &&
                            (p.x_layout == Layout::contiguous || p.in_channels == 1) &&
                            p.y_layout == Layout::blocked16;
  if (few_channels || lie_alike(p)) result.push_back(given);
  result.push_back(any);
  result.push_back(given);
  return result;
}

struct Geometry {
  memory::dims strides, dilations, padding, padding_end;
};

Geometry geometry(const Conv2dProblem& p) {
  return {{p.params.stride_h, p.params.stride_w},
          {p.params.dilation_h - 1, p.params.dilation_w - 1},
          {p.params.padding_h, p.params.padding_w},
          {p.params.padding_h + p.params.extra_h, p.params.padding_w + p.params.extra_w}};
}

dnnl::primitive_attr attributes() {
  dnnl::primitive_attr result;
  result.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return result;
}

// oneDNN's ReLU makes 0 of NaN; with a slope for what is negative it keeps NaN. This one is too small to change a sum,
// and what it leaves of a number is far above the denormal ones, which are slow.
constexpr float relu_slope = 1e-30f;

// How a residual gets into the result: Winograd's kernels take it from where the result will be, and so do oneDNN 2.6.3's
// faster ones in bf16 (32 x 32 x 56 x 56, 3x3, AMX, two threads: 1.1 ms, with an operand 1.8 ms). As an operand 2.6.3 reads
// it wrongly without AMX, in blocked16 with several groups in bf16.
enum class Residual : std::uint8_t { none, operand, in_place };

Residual residual_of(const Conv2dProblem& p, const ForwardOptions& options) {
  if (options.residual == nullptr) return Residual::none;
  const bool in_place =
      p.activation == DType::bf16 ? lie_alike(p) : winograd_pays(p) && p.y_layout == Layout::blocked16;
  return in_place ? Residual::in_place : Residual::operand;
}

dnnl::primitive_attr forward_attributes(const Conv2dProblem& p, Residual residual, bool relu) {
  dnnl::primitive_attr result = attributes();
  dnnl::post_ops epilogue;
  if (residual == Residual::operand) epilogue.append_binary(dnnl::algorithm::binary_add, y_layout(p));
  if (residual == Residual::in_place) epilogue.append_sum(1.0f);
  if (relu) onednn::append_relu(epilogue, relu_slope);
  result.set_post_ops(epilogue);
  return result;
}

dnnl::convolution_forward::primitive_desc forward_descriptor(OneDnn& one_dnn, const Conv2dProblem& p,
                                                             const Candidate& candidate, bool has_bias,
                                                             Residual residual = Residual::none,
                                                             bool relu = false) {
  if (residual == Residual::in_place && candidate.y != y_layout(p)) return {};
  const auto [strides, dilations, padding, padding_end] = geometry(p);
  const auto kind = dnnl::prop_kind::forward_training;
  const memory::desc filter = any_filter_layout(p, onednn_type(p.activation));
  const memory::desc bias = has_bias ? bias_layout(p) : memory::desc();
  return onednn::make_descriptor<dnnl::convolution_forward>(
      one_dnn.engine(), forward_attributes(p, residual, relu), onednn::IfMissing::empty, kind,
      candidate.algorithm, candidate.x, filter, bias, candidate.y, strides, dilations, padding, padding_end);
}

dnnl::convolution_backward_data::primitive_desc backward_data_descriptor(OneDnn& one_dnn,
                                                                         const Conv2dProblem& p,
                                                                         const Candidate& candidate) {
  const auto hint = forward_descriptor(one_dnn, p, candidate, false);
  if (!hint) return {};
  const auto [strides, dilations, padding, padding_end] = geometry(p);
  return onednn::make_backward_descriptor<dnnl::convolution_backward_data>(
      one_dnn.engine(), attributes(), onednn::IfMissing::empty, hint, candidate.algorithm, candidate.x,
      any_filter_layout(p, onednn_type(p.activation)), candidate.y, strides, dilations, padding, padding_end);
}

dnnl::convolution_backward_weights::primitive_desc backward_filter_descriptor(OneDnn& one_dnn,
                                                                              const Conv2dProblem& p,
                                                                              const Candidate& candidate,
                                                                              bool has_bias) {
  const auto hint = forward_descriptor(one_dnn, p, candidate, has_bias);
  if (!hint) return {};
  const auto [strides, dilations, padding, padding_end] = geometry(p);
  const memory::desc filter = any_filter_layout(p, f32);
  const memory::desc bias = has_bias ? bias_layout(p) : memory::desc();
  return onednn::make_backward_descriptor<dnnl::convolution_backward_weights>(
      one_dnn.engine(), attributes(), onednn::IfMissing::empty, hint, candidate.algorithm, candidate.x,
      filter, bias, candidate.y, strides, dilations, padding, padding_end);
}

/// Whether oneDNN (2.6.3 and 3.7.2, with AMX and without) reads scratchpad memory that it has not written: in bf16, where
/// an image is smaller than a stride.
bool reads_unwritten(const Conv2dProblem& p) {
  return p.activation == DType::bf16 && (p.in_h < p.params.stride_h || p.in_w < p.params.stride_w);
}

// The first candidate that oneDNN has generated code for; its plain loops are hundreds of times slower.
template <class Primitive, class MakeDescriptor>
CachedPrimitive build(Operation operation, const Conv2dProblem& p, MakeDescriptor&& make) {
  const std::vector<Candidate> tries = candidates(operation, p);
  for (const Candidate& candidate : tries) {
    const auto descriptor = make(candidate);
    const bool last = &candidate == &tries.back();
    if (!descriptor) continue;
    if (last || !std::string_view(descriptor.impl_info_str()).starts_with("ref"))
      return CachedPrimitive(Primitive(descriptor), descriptor);
  }
  throw Error(fmt::format("oneDNN has no convolution for {}", p.to_string()));
}

PrimitiveKey key_of(const Conv2dProblem& p, bool has_bias, Residual residual = Residual::none,
                    bool relu = false) {
  const Conv2dParams& q = p.params;
  return {p.batch,
          p.in_channels,
          p.in_h,
          p.in_w,
          p.out_channels,
          p.kernel_h,
          p.kernel_w,
          q.stride_h,
          q.stride_w,
          q.padding_h,
          q.padding_w,
          q.extra_h,
          q.extra_w,
          q.dilation_h,
          q.dilation_w,
          q.groups,
          static_cast<std::int64_t>(p.x_layout),
          static_cast<std::int64_t>(p.y_layout),
          static_cast<std::int64_t>(p.activation),
          has_bias,
          static_cast<std::int64_t>(residual),
          relu};
}

// oneDNN's generated code stops at this much padding (seen in 2.6.3): forward and the data gradient where a
// window may lie in the padding alone, the filter gradient already where it is more than half a window.
bool pads_whole_windows(const Conv2dProblem& p) {
  return p.params.padding_h + p.params.extra_h >= p.extent_h() ||
         p.params.padding_w + p.params.extra_w >= p.extent_w();
}
bool pads_half_windows(const Conv2dProblem& p) {
  return 2 * (p.params.padding_h + p.params.extra_h) > p.extent_h() - 1 ||
         2 * (p.params.padding_w + p.params.extra_w) > p.extent_w() - 1;
}

// Memory for `operand` with its padding, into or from which it is copied.
void* padded_input(OneDnn& one_dnn, const Conv2dProblem& problem, Temporary which, const char* operation,
                   const char* operand) {
  one_dnn.add_record({operation, operand,
                      problem.x_shape().numel() * static_cast<std::int64_t>(size_of(problem.activation))});
  return one_dnn.temporary(which, with_padding_in_memory(problem).x_shape().numel());
}

}  // namespace

void onednn_forward(OneDnn& one_dnn, const Conv2dProblem& problem, const void* x, const float* filter,
                    const float* bias, void* y, const ForwardOptions& options) {
  if (pads_whole_windows(problem)) {
    void* const padded = padded_input(one_dnn, problem, Temporary::padded, Conv2dForward::name, "x");
    pad_input(problem, x, padded);
    return onednn_forward(one_dnn, with_padding_in_memory(problem), padded, filter, bias, y, options);
  }
  with_onednn_errors(
      "conv2d_forward", [&] { return problem.to_string(); },
      [&] {
        const auto operation = Operation::conv2d_forward;
        const bool has_bias = bias != nullptr;
        const Residual residual = residual_of(problem, options);
        CachedPrimitive& primitive =
            one_dnn.get(operation, key_of(problem, has_bias, residual, options.relu), [&] {
              return build<dnnl::convolution_forward>(operation, problem, [&](const Candidate& candidate) {
                return forward_descriptor(one_dnn, problem, candidate, has_bias, residual, options.relu);
              });
            });
        std::vector<Argument> arguments{Argument::input(DNNL_ARG_SRC, x_layout(problem), x),
                                        Argument::input(DNNL_ARG_WEIGHTS, filter_layout(problem), filter),
                                        Argument::output(DNNL_ARG_DST, y_layout(problem), y)};
        arguments[1].number = options.filter_number;
        if (has_bias) arguments.push_back(Argument::input(DNNL_ARG_BIAS, bias_layout(problem), bias));
        if (residual == Residual::operand)
          arguments.push_back(Argument::input(DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1,
                                              y_layout(problem), options.residual));
        else if (residual == Residual::in_place && options.residual != y)
          copy_bytes(y, options.residual,
                     static_cast<std::size_t>(problem.y_shape().numel()) * size_of(problem.activation));
        one_dnn.run(primitive, arguments);
      });
}

void onednn_backward_data(OneDnn& one_dnn, const Conv2dProblem& problem, const void* dy, const float* filter,
                          void* dx, GradientWrite write) {
  if (pads_whole_windows(problem)) {
    void* const padded =
        padded_input(one_dnn, problem, Temporary::padded_gradient, Conv2dBackwardData::name, "dx");
    onednn_backward_data(one_dnn, with_padding_in_memory(problem), dy, filter, padded,
                         GradientWrite::overwrite);
    return crop_input(problem, padded, dx, write);
  }
  with_onednn_errors(
      "conv2d_backward_data", [&] { return problem.to_string(); },
      [&] {
        const auto operation = Operation::conv2d_backward_data;
        CachedPrimitive& primitive = one_dnn.get(operation, key_of(problem, false), [&] {
          return build<dnnl::convolution_backward_data>(operation, problem, [&](const Candidate& candidate) {
            return backward_data_descriptor(one_dnn, problem, candidate);
          });
        });
        one_dnn.run(primitive, {Argument::input(DNNL_ARG_DIFF_DST, y_layout(problem), dy),
                                Argument::input(DNNL_ARG_WEIGHTS, filter_layout(problem), filter),
                                Argument::output(DNNL_ARG_DIFF_SRC, x_layout(problem), dx, write)});
      });
}

void onednn_backward_filter(OneDnn& one_dnn, const Conv2dProblem& problem, const void* x, const void* dy,
                            float* d_filter, float* d_bias, GradientWrite write) {
  if (pads_half_windows(problem)) {
    void* const padded = padded_input(one_dnn, problem, Temporary::padded, Conv2dBackwardFilter::name, "x");
    pad_input(problem, x, padded);
    return onednn_backward_filter(one_dnn, with_padding_in_memory(problem), padded, dy, d_filter, d_bias,
                                  write);
  }
  with_onednn_errors(
      "conv2d_backward_filter", [&] { return problem.to_string(); },
      [&] {
        const auto operation = Operation::conv2d_backward_filter;
        const bool has_bias = d_bias != nullptr;
        CachedPrimitive& primitive = one_dnn.get(operation, key_of(problem, has_bias), [&] {
          CachedPrimitive made =
              build<dnnl::convolution_backward_weights>(operation, problem, [&](const Candidate& candidate) {
                return backward_filter_descriptor(one_dnn, problem, candidate, has_bias);
              });
          made.needs_zeroed_scratchpad = reads_unwritten(problem);
          return made;
        });
        std::vector<Argument> arguments{
            Argument::input(DNNL_ARG_SRC, x_layout(problem), x),
            Argument::input(DNNL_ARG_DIFF_DST, y_layout(problem), dy),
            Argument::output(DNNL_ARG_DIFF_WEIGHTS, filter_layout(problem), d_filter, write)};
        if (has_bias)
          arguments.push_back(Argument::output(DNNL_ARG_DIFF_BIAS, bias_layout(problem), d_bias, write));
        one_dnn.run(primitive, arguments);
      });
}

}  // namespace xr::kernels::cpu
