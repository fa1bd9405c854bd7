#include "tests/ops/conv2d_calls.h"

#include <fmt/core.h>

#include "tests/ops/test_backends.h"
#include "tests/reference/gradient_check.h"
#include "tests/reference/relu.h"

namespace xr::tests {

namespace {

using reference::random_normal;

std::int64_t second(std::int64_t h, std::int64_t w) {
  return w < 0 ? h : w;
}

}  // namespace

Conv2dCase Conv2dCase::stride(std::int64_t h, std::int64_t w) const {
  Conv2dCase changed = *this;
  changed.params.stride_h = h;
  changed.params.stride_w = second(h, w);
  return changed;
}

Conv2dCase Conv2dCase::padding(std::int64_t h, std::int64_t w) const {
  Conv2dCase changed = *this;
  changed.params.padding_h = h;
  changed.params.padding_w = second(h, w);
  return changed;
}

Conv2dCase Conv2dCase::extra(std::int64_t h, std::int64_t w) const {
  Conv2dCase changed = *this;
  changed.params.extra_h = h;
  changed.params.extra_w = second(h, w);
  return changed;
}

Conv2dCase Conv2dCase::dilation(std::int64_t h, std::int64_t w) const {
  Conv2dCase changed = *this;
  changed.params.dilation_h = h;
  changed.params.dilation_w = second(h, w);
  return changed;
}

Conv2dCase Conv2dCase::groups(std::int64_t count) const {
  Conv2dCase changed = *this;
  changed.params.groups = count;
  return changed;
}

Conv2dCase Conv2dCase::without_bias() const {
  Conv2dCase changed = *this;
  changed.bias = false;
  return changed;
}

bool Conv2dCase::suits_winograd() const {
  return filter[2] == 3 && filter[3] == 3 && params.stride_h == 1 && params.stride_w == 1 &&
         params.dilation_h == 1 && params.dilation_w == 1 && params.groups == 1 && filter[0] >= 32 &&
         filter[1] >= 32;
}

const std::vector<Conv2dCase>& conv2d_cases() {
  static const std::vector<Conv2dCase> cases = {
      conv2d_case("one_pixel", {1, 1, 1, 1}, {1, 1, 1, 1}),
      conv2d_case("one_pixel_under_a_padded_3x3", {2, 3, 1, 1}, {4, 3, 3, 3}).padding(1),
      conv2d_case("one_pixel_of_32_channels", {1, 32, 1, 1}, {16, 32, 1, 1}),
      conv2d_case("padding_2", {2, 1, 21, 19}, {32, 1, 3, 3}).padding(2),
      conv2d_case("first_layer_padding_2_rgb", {2, 3, 21, 19}, {32, 3, 3, 3}).padding(2),
      conv2d_case("first_layer_padding_1_without_bias", {1, 1, 16, 16}, {16, 1, 3, 3})
          .padding(1)
          .without_bias(),
      conv2d_case("second_layer_without_padding", {2, 32, 17, 15}, {64, 32, 3, 3}),
      conv2d_case("padding_2_with_32_channels", {2, 32, 11, 13}, {32, 32, 3, 3}).padding(2),
      conv2d_case("wide_image_padding_2_grey", {1, 1, 9, 130}, {16, 1, 3, 3}).padding(2),
      conv2d_case("stem_7x7_stride_2_grey", {2, 1, 29, 31}, {16, 1, 7, 7})
          .stride(2)
          .padding(3)
          .without_bias(),
      conv2d_case("stem_7x7_stride_2_rgb", {1, 3, 30, 27}, {48, 3, 7, 7}).stride(2).padding(3),
      conv2d_case("5x5_padding_2", {2, 16, 10, 11}, {48, 16, 5, 5}).padding(2),
      conv2d_case("1x1_from_48_to_32", {3, 48, 9, 7}, {32, 48, 1, 1}),
      conv2d_case("1x1_stride_2_shortcut", {2, 32, 9, 11}, {64, 32, 1, 1}).stride(2).without_bias(),
      conv2d_case("3x3_stride_2", {2, 32, 14, 13}, {48, 32, 3, 3}).stride(2).padding(1).without_bias(),
      conv2d_case("3x3_stride_3", {1, 16, 13, 14}, {16, 16, 3, 3}).stride(3).padding(1),
      conv2d_case("stride_larger_than_the_kernel", {2, 5, 11, 10}, {7, 5, 1, 2}).stride(3),
      conv2d_case("odd_channels", {3, 7, 9, 8}, {13, 7, 3, 3}).padding(1),
      conv2d_case("rectangles", {2, 6, 12, 9}, {10, 6, 3, 5}).stride(2, 1).padding(0, 2),
      conv2d_case("tall_kernel_and_wide_padding", {1, 16, 7, 12}, {32, 16, 5, 1}).stride(1, 3).padding(2, 1),
      conv2d_case("dilation_2", {2, 16, 11, 12}, {16, 16, 3, 3}).padding(2).dilation(2),
      conv2d_case("dilation_2_by_3_with_stride_2", {1, 5, 15, 17}, {6, 5, 3, 3})
          .stride(2)
          .padding(1, 3)
          .dilation(2, 3),
      conv2d_case("rgb_with_dilation_2_by_3_and_stride_2_by_1", {2, 3, 15, 17}, {6, 3, 3, 3})
          .stride(2, 1)
          .padding(2, 3)
          .dilation(2, 3),
      conv2d_case("2_groups", {2, 8, 9, 10}, {6, 4, 3, 3}).padding(1).groups(2),
      conv2d_case("2_groups_of_16", {2, 32, 9, 7}, {32, 16, 3, 3}).padding(1).groups(2).without_bias(),
      conv2d_case("depthwise_3_channels", {2, 3, 8, 9}, {3, 1, 3, 3}).padding(1).groups(3),
      conv2d_case("depthwise_48_channels_stride_2", {1, 48, 9, 11}, {48, 1, 3, 3})
          .stride(2)
          .padding(1)
          .groups(48),
      conv2d_case("depthwise_with_two_outputs_each", {1, 4, 7, 7}, {8, 1, 3, 3}).groups(4),
      conv2d_case("dilation_2_by_3_with_stride_2_of_16_channels", {1, 16, 13, 17}, {24, 16, 3, 3})
          .padding(1)
          .dilation(2, 3)
          .stride(2),
      conv2d_case("9x9_from_16_channels", {1, 16, 8, 9}, {16, 16, 9, 9}).padding(4),
      conv2d_case("7x7_stride_3_from_40_channels", {1, 40, 10, 11}, {16, 40, 7, 7}).padding(3).stride(3),
      conv2d_case("12_channels_under_3x3", {2, 12, 7, 8}, {20, 12, 3, 3}).padding(1),
      conv2d_case("kernel_as_large_as_the_padded_image", {2, 16, 3, 3}, {16, 16, 5, 5}).padding(1),
      conv2d_case("many_rows_grey", {5, 1, 40, 21}, {16, 1, 3, 3}).padding(2),
      conv2d_case("wide_image_rgb", {1, 3, 5, 600}, {17, 3, 3, 3}).padding(1),
      conv2d_case("4_channels_under_5x5", {2, 4, 12, 11}, {20, 4, 5, 5}).stride(1, 2).padding(0, 1),
      conv2d_case("3x3_padding_1_of_many_pixels", {2, 32, 24, 25}, {48, 32, 3, 3}).padding(1),
      conv2d_case("3x3_without_padding_of_many_pixels", {2, 48, 26, 27}, {32, 48, 3, 3}).without_bias(),
      conv2d_case("same_padding_of_a_stem", {2, 3, 12, 14}, {32, 3, 3, 3}).stride(2).extra(1).without_bias(),
      conv2d_case("same_padding_of_32_channels", {2, 32, 10, 12}, {48, 32, 5, 5})
          .stride(2)
          .padding(1)
          .extra(1),
      conv2d_case("same_padding_with_stride_1", {1, 32, 9, 8}, {32, 32, 4, 4}).padding(1).extra(1),
      conv2d_case("more_extra_padding_than_a_window", {2, 5, 6, 7}, {7, 5, 3, 3}).padding(0, 1).extra(4, 1),
      conv2d_case("depthwise_5x5_stride_2_same_padding", {2, 24, 10, 12}, {24, 1, 5, 5})
          .stride(2)
          .padding(1)
          .extra(1)
          .groups(24),
      conv2d_case("depthwise_3x3_of_32_channels", {2, 32, 9, 13}, {32, 1, 3, 3}).padding(1).groups(32),
      conv2d_case("depthwise_5x5_of_72_channels", {1, 72, 7, 11}, {72, 1, 5, 5}).padding(2).groups(72),
      conv2d_case("depthwise_5x5_of_48_channels_stride_2", {2, 48, 8, 7}, {48, 1, 5, 5})
          .stride(2)
          .padding(2)
          .groups(48),
      conv2d_case("depthwise_3x3_stride_2_same_padding", {3, 40, 8, 6}, {40, 1, 3, 3})
          .stride(2)
          .extra(1)
          .groups(40)
          .without_bias(),
      conv2d_case("depthwise_with_dilation_2", {1, 16, 9, 10}, {16, 1, 3, 3})
          .padding(2)
          .dilation(2)
          .groups(16),
      conv2d_case("depthwise_of_many_pixels", {2, 8, 31, 29}, {8, 1, 3, 3}).padding(1).groups(8),
      conv2d_case("4_groups_of_8_stride_2", {2, 32, 11, 9}, {64, 8, 3, 3}).stride(2).padding(1).groups(4),
      conv2d_case("3_groups_of_32", {2, 96, 7, 8}, {96, 32, 3, 3}).padding(1).groups(3).without_bias(),
      conv2d_case("1x1_in_4_groups", {3, 64, 6, 5}, {32, 16, 1, 1}).groups(4),
      conv2d_case("many_rows_and_filters", {3, 16, 33, 35}, {64, 16, 3, 3}).padding(2),
  };
  return cases;
}

namespace {

std::string parameters_of(const Conv2dCase& c) {
  const Conv2dParams& p = c.params;
  std::string text = fmt::format("{}x{}", c.filter[2], c.filter[3]);
  const auto add = [&](const char* name, std::int64_t h, std::int64_t w, std::int64_t usual) {
    if (h == usual && w == usual) return;
    text += h == w ? fmt::format(", {} {}", name, h) : fmt::format(", {} {}x{}", name, h, w);
  };
  add("padding", p.padding_h, p.padding_w, 0);
  add("extra", p.extra_h, p.extra_w, 0);
  add("stride", p.stride_h, p.stride_w, 1);
  add("dilation", p.dilation_h, p.dilation_w, 1);
  if (p.groups != 1) text += fmt::format(", {} groups", p.groups);
  if (c.residual) text += ", residual";
  if (c.relu) text += ", ReLU";
  return text;
}

/// What all three have in common.
Call finished(Call call, const Conv2dCase& c) {
  call.is_product = true;
  call.same_for_any_threads = call.any_address = false;
  return std::move(call).with(parameters_of(c));
}

}  // namespace

Call conv2d_forward(const Conv2dCase& c, DType activation, const Conv2dLayouts& layouts) {
  return finished(
      call_of({input("x", c.x, activation, layouts.x), input("filter", c.filter),
               input("bias", {c.filter[0]}).only_if(c.bias), output("y", c.y(), activation, layouts.y),
               input("residual", c.y(), activation, layouts.y).only_if(c.residual)},
              [params = c.params, relu = c.relu](Views v) {
                return kernels::Conv2dForward{.x = v[0],
                                              .filter = v[1],
                                              .bias = v[2],
                                              .y = v[3],
                                              .params = params,
                                              .residual = v[4],
                                              .relu = relu};
              }),
      c);
}

Call conv2d_backward_data(const Conv2dCase& c, DType activation, const Conv2dLayouts& layouts) {
  return finished(call_of({input("dy", c.y(), activation, layouts.y), input("filter", c.filter),
                           output("dx", c.x, activation, layouts.x)},
                          [params = c.params](Views v, GradientWrite write) {
                            return kernels::Conv2dBackwardData{
                                .dy = v[0], .filter = v[1], .dx = v[2], .params = params, .write = write};
                          }),
                  c);
}

Call conv2d_backward_filter(const Conv2dCase& c, DType activation, const Conv2dLayouts& layouts) {
  return finished(
      call_of(
          {input("x", c.x, activation, layouts.x), input("dy", c.y(), activation, layouts.y),
           output("d_filter", c.filter), output("d_bias", {c.filter[0]}).only_if(c.bias)},
          [params = c.params](Views v, GradientWrite write) {
            return kernels::Conv2dBackwardFilter{
                .x = v[0], .dy = v[1], .d_filter = v[2], .d_bias = v[3], .params = params, .write = write};
          }),
      c);
}

DType Conv2dSetting::activation() const {
  return options.precision == Precision::bf16 ? DType::bf16 : DType::f32;
}

Tensor Conv2dSetting::operand(const Shape& shape, std::uint64_t seed) const {
  Tensor values = random_normal(shape, seed);
  if (exact_operands && options.precision != Precision::fp32)
    values = to_operand(std::move(values), options.precision);
  if (with_nan && seed == 1) values[values.size() / 2] = std::nan("");
  return values;
}

Expected Conv2dSetting::expected(Tensor values, const Conv2dCase& c, double terms, DType dtype) const {
  // With exact operands a bf16 result is an f32 sum that was rounded once.
  const Arithmetic sum = !exact_operands                        ? Arithmetic::tf32
                         : options.precision != Precision::fp32 ? Arithmetic::tensor_core_sums
                         : c.suits_winograd()                   ? Arithmetic::winograd
                                                                : Arithmetic::reduction;
  const Arithmetic arithmetic = winograd_in_bf16       ? Arithmetic::winograd_in_bf16
                                : dtype == DType::bf16 ? Arithmetic::elementwise
                                                       : sum;
  Expected result{std::move(values), dtype, arithmetic, terms};
  if (with_nan) result.magnitude = std::sqrt(terms);
  return result;
}

std::vector<Conv2dLayouts> layout_pairs(const Backend& backend, const Conv2dCase& c) {
  if (backend.name() == "simt" && c.flops() > 5'000'000) return {both_channels_last};
  std::vector<Conv2dLayouts> pairs;
  for (const Layout x : layouts_of(backend, c.x))
    for (const Layout y : layouts_of(backend, c.y())) pairs.push_back({x, y});
  return pairs;
}

namespace {

std::string describe(const Conv2dSetting& setting) {
  return fmt::format("in {}{}{}", name_of(setting.options.precision),
                     setting.options.variant.empty() ? "" : ", ", setting.options.variant);
}

}  // namespace

void check_conv2d_forward(const Checker& check, const Conv2dCase& c, const Conv2dSetting& setting,
                          const Backends& backends, const ChooseLayouts& layouts) {
  const Tensor x = setting.operand(c.x, 1), filter = setting.operand(c.filter, 2);
  const Tensor bias = random_normal({c.filter[0]}, 3);
  const Tensor residual = setting.operand(c.y(), 4);
  Tensor sums = reference::conv2d_forward(c.params, x, filter, c.bias ? &bias : nullptr);
  if (c.residual)
    for (std::int64_t i = 0; i < sums.size(); ++i) sums[i] += residual[i];
  Expected y =
      setting.expected(c.relu ? reference::relu_forward(sums) : sums, c, c.terms(), setting.activation());
  // A backend may round the sum before it adds the residual.
  if (c.relu || c.residual) y.magnitude = std::sqrt(c.terms()) + (c.residual ? 1 : 0);
  for (Backend* backend : backends)
    for (const Conv2dLayouts& pair : layouts(*backend))
      check(*backend, conv2d_forward(c, setting.activation(), pair)
                          .with(describe(setting))
                          .holds("x", x)
                          .holds("filter", filter)
                          .holds("bias", bias)
                          .holds("residual", residual)
                          .expects("y", y));
}

void check_conv2d_backward_data(const Checker& check, const Conv2dCase& c, const Conv2dSetting& setting,
                                const Backends& backends, const ChooseLayouts& layouts) {
  const Tensor dy = setting.operand(c.y(), 1), filter = setting.operand(c.filter, 2);
  const Expected dx = setting.expected(reference::conv2d_backward_data(c.params, dy, filter, c.x), c,
                                       c.backward_data_terms(), setting.activation());
  for (Backend* backend : backends) {
    Expected of_backend = dx;
    // oneDNN rounds the sum, up to three standard deviations, before it is added to dx.
    if (backend->name() == "cpu" && setting.activation() == DType::bf16)
      of_backend.magnitude = 3 * std::sqrt(c.backward_data_terms());
    for (const Conv2dLayouts& pair : layouts(*backend))
      check(*backend, conv2d_backward_data(c, setting.activation(), pair)
                          .with(describe(setting))
                          .holds("dy", dy)
                          .holds("filter", filter)
                          .expects("dx", of_backend));
  }
}

void check_conv2d_backward_filter(const Checker& check, const Conv2dCase& c, const Conv2dSetting& setting,
                                  const Backends& backends, const ChooseLayouts& layouts) {
  const Tensor x = setting.operand(c.x, 1), dy = setting.operand(c.y(), 2);
  const double terms = c.backward_filter_terms();
  const Expected d_filter =
      setting.expected(reference::conv2d_backward_filter(c.params, x, dy, c.filter), c, terms, DType::f32);
  Expected d_bias = setting.expected(reference::conv2d_backward_bias(dy), c, terms, DType::f32);
  d_bias.magnitude = std::sqrt(terms);
  if (d_bias.arithmetic == Arithmetic::winograd || d_bias.arithmetic == Arithmetic::winograd_in_bf16 ||
      d_bias.arithmetic == Arithmetic::tensor_core_sums)
    d_bias.arithmetic = Arithmetic::reduction;
  for (Backend* backend : backends)
    for (const Conv2dLayouts& pair : layouts(*backend))
      check(*backend, conv2d_backward_filter(c, setting.activation(), pair)
                          .with(describe(setting))
                          .holds("x", x)
                          .holds("dy", dy)
                          .expects("d_filter", d_filter)
                          .expects("d_bias", d_bias));
}

}  // namespace xr::tests
