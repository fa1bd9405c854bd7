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
  return cases;
}

/// In bf16 by the kernels that the CPU chooses, in every pair of layouts.
void check_cpu_in_bf16(const Checker& check, const Conv2dCase& c) {
  const Conv2dSetting setting{.options = {.precision = Precision::bf16}};
  for (Backend* backend : test_backends()) {
    if (backend->name() != "cpu" || !Configured::possible(*backend, setting.options)) continue;
    const Configured configured(*backend, setting.options);
    const auto layouts = [&](const Backend& b) { return layout_pairs(b, c); };
    check_conv2d_forward(check, c, setting, {backend}, layouts);
    check_conv2d_backward_data(check, c, setting, {backend}, layouts);
    check_conv2d_backward_filter(check, c, setting, {backend}, layouts);
  }
}

}  // namespace

Suite<Checker> conv2d_cpu_bf16_checks() {
  return checks_of("conv2d in bf16 on the CPU", cpu_bf16_cases(), check_cpu_in_bf16);
}

}  // namespace xr::tests
