#include "tests/ops/conv2d_epilogue.h"

#include <fmt/core.h>

#include "tests/ops/conv2d_calls.h"
#include "tests/ops/test_backends.h"
#include "tests/reference/gradient_check.h"

namespace xr::tests {

namespace {

using reference::random_normal;

/// Below these are the numbers of networks.
constexpr std::uint64_t test_filter_numbers = std::uint64_t{1} << 63;

/// The forward pass with a residual and ReLU, of numbers and of a NaN, in f32 and bf16 by every backend's usual
/// kernels.
void check_epilogue(const Checker& check, const Conv2dCase& c) {
  Conv2dCase with_relu = c, with_residual = c;
  with_relu.relu = with_residual.residual = true;
  for (const Precision precision : {Precision::fp32, Precision::bf16})
    for (const bool with_nan : {false, true})
      for (Backend* backend : test_backends()) {
        const Conv2dSetting setting{.options = {.precision = precision}, .with_nan = with_nan};
        if (!Configured::possible(*backend, setting.options)) continue;
        // oneDNN's bf16 multiplies the numbers beside a window of few channels by 0, too, which makes NaN of NaN
        // (version 2 up to 4 channels, version 3 also 12).
        if (with_nan && precision == Precision::bf16 && c.x[1] < 16) continue;
        // The epilogue is the CPU's own: elsewhere kernels of other suites do it.
        if (backend->name() != "cpu" && c.flops() > 1'000'000) continue;
        const Configured configured(*backend, setting.options);
        const auto layouts = [&](const Backend& b) {
          return std::vector{Conv2dLayouts{b.preferred_layout(c.x[1]), b.preferred_layout(c.filter[0])}};
        };
        check_conv2d_forward(check, with_relu, setting, {backend}, layouts);
        if (with_nan) continue;
        check_conv2d_forward(check, with_residual, setting, {backend}, layouts);
        Conv2dCase with_both = with_residual;
        with_both.relu = true;
        check_conv2d_forward(check, with_both, setting, {backend}, layouts);
      }
}

/// What a backend keeps of a filter by its number is never another's: filters of one shape, in turn.
void check_numbered_filters(const Checker& check, const Conv2dCase& c) {
  const Tensor x = random_normal(c.x, 1);
  for (Backend* backend : test_backends())
    for (const std::uint64_t number : {1, 2, 1, 2}) {
      const Tensor filter = random_normal(c.filter, 10 + number);
      const Layout x_layout = backend->preferred_layout(c.x[1]),
                   y_layout = backend->preferred_layout(c.filter[0]);
      Call call = call_of({input("x", c.x, DType::f32, x_layout), input("filter", c.filter),
                           output("y", c.y(), DType::f32, y_layout)},
                          [&c, number](Views v) {
                            return kernels::Conv2dForward{.x = v[0],
                                                          .filter = v[1],
                                                          .y = v[2],
                                                          .params = c.params,
                                                          .filter_number = test_filter_numbers + number};
                          });
      call.is_product = true;
      call.same_for_any_threads = call.any_address = false;
      check(*backend, std::move(call)
                          .with(fmt::format("filter {}", number))
                          .holds("x", x)
                          .holds("filter", filter)
                          .expects("y", Conv2dSetting{}.expected(
                                            reference::conv2d_forward(c.params, x, filter, nullptr), c,
                                            c.terms(), DType::f32)));
    }
}

}  // namespace

Suite<Checker> conv2d_epilogue_checks() {
  return checks_of("conv2d forward with residual and ReLU", conv2d_cases(), check_epilogue);
}

Suite<Checker> conv2d_numbered_filter_checks() {
  const std::vector numbered{
      conv2d_case("32_channels", {2, 32, 9, 11}, {32, 32, 3, 3}).padding(1).without_bias(),
      conv2d_case("one_channel", {2, 1, 9, 11}, {16, 1, 3, 3}).padding(1).without_bias()};
  return checks_of("conv2d of numbered filters", numbered, check_numbered_filters);
}

}  // namespace xr::tests
