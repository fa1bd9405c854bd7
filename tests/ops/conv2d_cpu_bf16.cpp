#include "tests/ops/conv2d_cpu_bf16.h"

#include "tests/ops/conv2d_calls.h"
#include "tests/ops/test_backends.h"

namespace xr::tests {

namespace {

/// What the CPU has kernels of its own for, and a few others.
std::vector<Conv2dCase> cpu_bf16_cases() {
  std::vector<Conv2dCase> cases = conv2d_cases();
  std::erase_if(cases, [](const Conv2dCase& c) {
    return c.x[1] > 4 && c.params.groups != c.x[1] && c.flops() > 300'000;
  });
  // Filter gradients of few channels: ten pieces of 504 windows and one of 144, in three parts.
  cases.push_back(conv2d_case("few_channels_in_parts", {4, 3, 36, 36}, {8, 3, 7, 7}).padding(3));
  cases.push_back(conv2d_case("few_channels_of_many_taps", {1, 4, 9, 11}, {3, 4, 5, 8}).stride(2).padding(2));
  // And of many with few pixels.
  cases.push_back(
      conv2d_case("many_channels_few_pixels", {2, 64, 5, 7}, {128, 64, 3, 3}).stride(2).padding(1));
  // The filter's last rows and columns see padding alone; after the others, whose temporaries are not zeros.
  cases.push_back(conv2d_case("one_pixel_stride_2", {2, 16, 1, 1}, {16, 16, 3, 3}).stride(2).padding(1));
  // 3x3 in blocked16 by Winograd's method: one and several panels of 32 and of 64 channels, tiles that stand out, pieces of
  // the batch and chunks of tiles with a rest.
  cases.push_back(conv2d_case("winograd_of_32", {3, 32, 17, 15}, {32, 32, 3, 3}).padding(1));
  cases.push_back(
      conv2d_case("winograd_of_64_without_padding", {1, 64, 26, 25}, {64, 64, 3, 3}).without_bias());
  cases.push_back(conv2d_case("winograd_to_96_padding_2", {4, 32, 11, 13}, {96, 32, 3, 3}).padding(2));
  cases.push_back(conv2d_case("winograd_to_128_same_padding", {2, 64, 16, 17}, {128, 64, 3, 3})
                      .padding(0, 1)
                      .extra(2, 0));
  cases.push_back(conv2d_case("winograd_of_many_tiles", {5, 32, 40, 28}, {160, 32, 3, 3}).padding(1));
  return cases;
}

/// What the CPU computes by Winograd's method in bf16, on processors that have the instructions.
bool takes_winograd(const Conv2dCase& c, const Conv2dLayouts& layouts) {
  constexpr std::int64_t min_pixels = 512;
  const Shape y = c.y();
  return layouts.x == Layout::blocked16 && layouts.y == Layout::blocked16 && c.suits_winograd() &&
         c.x[1] % 32 == 0 && c.filter[0] % 32 == 0 && y[0] * y[2] * y[3] >= min_pixels;
}

/// The forward pass with a residual and ReLU, and that a NaN is where it belongs and nowhere else.
void check_epilogues(const Checker& check, const Conv2dCase& c, const Conv2dSetting& setting,
                     Backend* backend, const ChooseLayouts& layouts) {
  for (const bool residual : {false, true})
    for (const bool with_nan : {false, true}) {
      Conv2dCase changed = c;
      changed.relu = true;
      changed.residual = residual;
      Conv2dSetting of_numbers = setting;
      of_numbers.with_nan = with_nan;
      check_conv2d_forward(check, changed, of_numbers, {backend}, layouts);
    }
}

/// In bf16 by the kernels that the CPU chooses, in every pair of layouts.
void check_cpu_in_bf16(const Checker& check, const Conv2dCase& c) {
  const Conv2dSetting setting{.options = {.precision = Precision::bf16}};
  for (Backend* backend : test_backends()) {
    if (backend->name() != "cpu" || !Configured::possible(*backend, setting.options)) continue;
    const Configured configured(*backend, setting.options);
    for (const bool winograd : {false, true}) {
      Conv2dSetting of_layouts = setting;
      of_layouts.winograd_in_bf16 = winograd;
      const auto layouts = [&](const Backend& b) {
        std::vector<Conv2dLayouts> pairs = layout_pairs(b, c);
        std::erase_if(pairs, [&](const Conv2dLayouts& pair) { return takes_winograd(c, pair) != winograd; });
        return pairs;
      };
      check_conv2d_forward(check, c, of_layouts, {backend}, layouts);
      if (winograd && c.flops() < 200'000'000) check_epilogues(check, c, of_layouts, backend, layouts);
      check_conv2d_backward_data(check, c, of_layouts, {backend}, layouts);
      check_conv2d_backward_filter(check, c, of_layouts, {backend}, layouts);
    }
  }
}

}  // namespace

Suite<Checker> conv2d_cpu_bf16_checks() {
  return checks_of("conv2d in bf16 on the CPU", cpu_bf16_cases(), check_cpu_in_bf16);
}

}  // namespace xr::tests
