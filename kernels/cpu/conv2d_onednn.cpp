// conv2d through oneDNN. x (N, C, H, W), filter (O, C / groups, kH, kW), y (N, O, H', W'), any layouts.
#include <algorithm>
#include <string_view>
#include <vector>

#include "kernels/cpu/conv2d.h"
#include "kernels/cpu/parallel.h"

namespace xr::kernels::cpu {
namespace {

using dnnl::memory;

constexpr auto f32 = memory::data_type::f32;

// All descriptors of one convolution. `any` leaves a layout to oneDNN.
struct Layouts {
  memory::desc x, y;
};

memory::dims filter_dims(const Conv2dProblem& p) {
  const std::int64_t groups = p.params.groups, in = p.in_channels / groups;
  if (groups == 1) return {p.out_channels, in, p.kernel_h, p.kernel_w};
  return {groups, p.out_channels / groups, in, p.kernel_h, p.kernel_w};
}

memory::desc filter_layout(const Conv2dProblem& p, bool any) {
  if (any) return {filter_dims(p), f32, memory::format_tag::any};
  return {filter_dims(p), f32, p.params.groups == 1 ? memory::format_tag::oihw : memory::format_tag::goihw};
}

memory::desc bias_layout(const Conv2dProblem& p) {
  return {{p.out_channels}, f32, memory::format_tag::a};
}

memory::desc any_layout(const Shape& shape) {
  return {{shape[0], shape[1], shape[2], shape[3]}, f32, memory::format_tag::any};
}

// What to try, best first: the caller's layouts if oneDNN has fast kernels for them, what oneDNN likes best
// (the arguments are then converted), and the caller's layouts whatever comes.
std::vector<Layouts> candidates(Operation operation, const Conv2dProblem& p) {
  const Layouts given{activation_layout(p.x_shape(), p.x_layout), activation_layout(p.y_shape(), p.y_layout)};
  const Layouts any{any_layout(p.x_shape()), any_layout(p.y_shape())};
  const bool few_channels = has_few_channels(p) && operation == Operation::conv2d_forward &&
                            (p.x_layout == Layout::contiguous || p.in_channels == 1) &&
                            p.y_layout == Layout::blocked16;
  const bool same = p.x_layout == p.y_layout && p.x_layout != Layout::contiguous;
  if (few_channels || same) return {given, any, given};
  return {any, given};
}

struct Geometry {
  memory::dims strides, dilations, padding;
};

Geometry geometry(const Conv2dProblem& p) {
  return {{p.params.stride_h, p.params.stride_w},
          {p.params.dilation_h - 1, p.params.dilation_w - 1},
          {p.params.padding_h, p.params.padding_w}};
}

dnnl::primitive_attr attributes() {
  dnnl::primitive_attr result;
  result.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return result;
}

dnnl::convolution_forward::primitive_desc forward_descriptor(OneDnn& one_dnn, const Conv2dProblem& p,
                                                             const Layouts& layouts, bool has_bias) {
  const auto [strides, dilations, padding] = geometry(p);
  const auto kind = dnnl::prop_kind::forward_training;
  const auto algorithm = dnnl::algorithm::convolution_direct;
  const memory::desc filter = filter_layout(p, true);
  const dnnl::convolution_forward::desc operation =
      has_bias ? dnnl::convolution_forward::desc(kind, algorithm, layouts.x, filter, bias_layout(p),
                                                 layouts.y, strides, dilations, padding, padding)
               : dnnl::convolution_forward::desc(kind, algorithm, layouts.x, filter, layouts.y, strides,
                                                 dilations, padding, padding);
  return {operation, attributes(), one_dnn.engine(), true};
}

dnnl::convolution_backward_data::primitive_desc backward_data_descriptor(OneDnn& one_dnn,
                                                                         const Conv2dProblem& p,
                                                                         const Layouts& layouts) {
  const auto hint = forward_descriptor(one_dnn, p, layouts, false);
  if (!hint) return {};
  const auto [strides, dilations, padding] = geometry(p);
  const dnnl::convolution_backward_data::desc operation(dnnl::algorithm::convolution_direct, layouts.x,
                                                        filter_layout(p, true), layouts.y, strides, dilations,
                                                        padding, padding);
  return {operation, attributes(), one_dnn.engine(), hint, true};
}

dnnl::convolution_backward_weights::primitive_desc backward_filter_descriptor(OneDnn& one_dnn,
                                                                              const Conv2dProblem& p,
                                                                              const Layouts& layouts,
                                                                              bool has_bias) {
  const auto hint = forward_descriptor(one_dnn, p, layouts, has_bias);
  if (!hint) return {};
  const auto [strides, dilations, padding] = geometry(p);
  const auto algorithm = dnnl::algorithm::convolution_direct;
  const memory::desc filter = filter_layout(p, true);
  const dnnl::convolution_backward_weights::desc operation =
      has_bias ? dnnl::convolution_backward_weights::desc(algorithm, layouts.x, filter, bias_layout(p),
                                                          layouts.y, strides, dilations, padding, padding)
               : dnnl::convolution_backward_weights::desc(algorithm, layouts.x, filter, layouts.y, strides,
                                                          dilations, padding, padding);
  return {operation, attributes(), one_dnn.engine(), hint, true};
}

// The first candidate that oneDNN has generated code for; its plain loops are hundreds of times slower.
template <class Primitive, class MakeDescriptor>
CachedPrimitive build(Operation operation, const Conv2dProblem& p, MakeDescriptor&& make) {
  const std::vector<Layouts> tries = candidates(operation, p);
  for (const Layouts& layouts : tries) {
    const auto descriptor = make(layouts);
    const bool last = &layouts == &tries.back();
    if (!descriptor) continue;
    if (last || !std::string_view(descriptor.impl_info_str()).starts_with("ref"))
      return CachedPrimitive(Primitive(descriptor), descriptor);
  }
  throw Error(fmt::format("oneDNN has no convolution for {}", p.to_string()));
}

PrimitiveKey key_of(const Conv2dProblem& p, bool has_bias) {
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
          q.dilation_h,
          q.dilation_w,
          q.groups,
          static_cast<std::int64_t>(p.x_layout),
          static_cast<std::int64_t>(p.y_layout),
          has_bias};
}

// oneDNN's generated code stops at this much padding (seen in 2.6.3): forward and the data gradient where a
// window may lie in the padding alone, the filter gradient already where it is more than half a window.
bool pads_whole_windows(const Conv2dProblem& p) {
  return p.params.padding_h >= p.extent_h() || p.params.padding_w >= p.extent_w();
}
bool pads_half_windows(const Conv2dProblem& p) {
  return 2 * p.params.padding_h > p.extent_h() - 1 || 2 * p.params.padding_w > p.extent_w() - 1;
}

float* padded_input(OneDnn& one_dnn, const Conv2dProblem& problem, Temporary which) {
  return one_dnn.temporary(which, with_padding_in_memory(problem).x_shape().numel());
}

}  // namespace

void onednn_forward(OneDnn& one_dnn, const Conv2dProblem& problem, const float* x, const float* filter,
                    const float* bias, float* y) {
  if (pads_whole_windows(problem)) {
    float* const padded = padded_input(one_dnn, problem, Temporary::padded);
    pad_input(problem, x, padded);
    return onednn_forward(one_dnn, with_padding_in_memory(problem), padded, filter, bias, y);
  }
  with_onednn_errors(
      "conv2d_forward", [&] { return problem.to_string(); },
      [&] {
        const auto operation = Operation::conv2d_forward;
        const bool has_bias = bias != nullptr;
        CachedPrimitive& primitive = one_dnn.get(operation, key_of(problem, has_bias), [&] {
          return build<dnnl::convolution_forward>(operation, problem, [&](const Layouts& layouts) {
            return forward_descriptor(one_dnn, problem, layouts, has_bias);
          });
        });
        std::vector<Argument> arguments{
            Argument::input(DNNL_ARG_SRC, activation_layout(problem.x_shape(), problem.x_layout), x),
            Argument::input(DNNL_ARG_WEIGHTS, filter_layout(problem, false), filter),
            Argument::output(DNNL_ARG_DST, activation_layout(problem.y_shape(), problem.y_layout), y)};
        if (has_bias) arguments.push_back(Argument::input(DNNL_ARG_BIAS, bias_layout(problem), bias));
        one_dnn.run(primitive, arguments);
      });
}

void onednn_backward_data(OneDnn& one_dnn, const Conv2dProblem& problem, const float* dy, const float* filter,
                          float* dx, GradientWrite write) {
  if (pads_whole_windows(problem)) {
    float* const padded = padded_input(one_dnn, problem, Temporary::padded_gradient);
    onednn_backward_data(one_dnn, with_padding_in_memory(problem), dy, filter, padded,
                         GradientWrite::overwrite);
    return crop_input(problem, padded, dx, write);
  }
  with_onednn_errors(
      "conv2d_backward_data", [&] { return problem.to_string(); },
      [&] {
        const auto operation = Operation::conv2d_backward_data;
        CachedPrimitive& primitive = one_dnn.get(operation, key_of(problem, false), [&] {
          return build<dnnl::convolution_backward_data>(operation, problem, [&](const Layouts& layouts) {
            return backward_data_descriptor(one_dnn, problem, layouts);
          });
        });
        one_dnn.run(
            primitive,
            {Argument::input(DNNL_ARG_DIFF_DST, activation_layout(problem.y_shape(), problem.y_layout), dy),
             Argument::input(DNNL_ARG_WEIGHTS, filter_layout(problem, false), filter),
             Argument::output(DNNL_ARG_DIFF_SRC, activation_layout(problem.x_shape(), problem.x_layout), dx,
                              write)});
      });
}

void onednn_backward_filter(OneDnn& one_dnn, const Conv2dProblem& problem, const float* x, const float* dy,
                            float* d_filter, float* d_bias, GradientWrite write) {
  if (pads_half_windows(problem)) {
    float* const padded = padded_input(one_dnn, problem, Temporary::padded);
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
          return build<dnnl::convolution_backward_weights>(operation, problem, [&](const Layouts& layouts) {
            return backward_filter_descriptor(one_dnn, problem, layouts, has_bias);
          });
        });
        std::vector<Argument> arguments{
            Argument::input(DNNL_ARG_SRC, activation_layout(problem.x_shape(), problem.x_layout), x),
            Argument::input(DNNL_ARG_DIFF_DST, activation_layout(problem.y_shape(), problem.y_layout), dy),
            Argument::output(DNNL_ARG_DIFF_WEIGHTS, filter_layout(problem, false), d_filter, write)};
        if (has_bias)
          arguments.push_back(Argument::output(DNNL_ARG_DIFF_BIAS, bias_layout(problem), d_bias, write));
        one_dnn.run(primitive, arguments);
      });
}

}  // namespace xr::kernels::cpu
