#include "tests/ops/conv2d_nan.h"

#include <fmt/core.h>

#include <cmath>
#include <string_view>

#include "tests/ops/conv2d_calls.h"
#include "tests/ops/test_backends.h"
#include "tests/reference/gradient_check.h"

namespace xr::tests {

namespace {

using reference::random_normal;

Expected sum_of(Tensor values, double terms) {
  return {std::move(values), DType::f32, Arithmetic::reduction, terms, std::sqrt(terms)};
}

/// Zeros that fill up a tile must not meet a NaN.
void check_passes(const Checker& check, const Conv2dCase& c) {
  Tensor x = random_normal(c.x, 1);
  x.at(0, c.x[1] - 1, 5, 6) = std::nan("");
  const Tensor filter = random_normal(c.filter, 2);
  const Expected y = sum_of(reference::conv2d_forward(c.params, x, filter, nullptr), c.terms());
  Tensor dy = random_normal(c.y(), 3);
  dy.at(0, 7, 2, 3) = std::nan("");
  const Expected dx =
      sum_of(reference::conv2d_backward_data(c.params, dy, filter, c.x), c.backward_data_terms());
  for (Backend* backend : test_backends()) {
    if (backend->name() == "cpu") continue;
    for (const std::string variant :
         {"", "direct", "implicit_gemm_single_stage", "implicit_gemm_pipelined", "halo_tile"}) {
      if (variant == "halo_tile" && c.name != "nan_3x3") continue;
      const Configured configured(*backend, {.variant = variant});
      // Addresses as they may be: a variant is asked for, so alignment decides nothing.
      const auto prepared = [&](Call call) {
        call.any_address = true;
        return std::move(call).with(variant);
      };
      check(*backend, prepared(conv2d_forward(c.without_bias(), DType::f32, both_channels_last))
                          .holds("x", x)
                          .holds("filter", filter)
                          .expects("y", y));
      check.overwriting(*backend, prepared(conv2d_backward_data(c, DType::f32, both_channels_last))
                                      .holds("dy", dy)
                                      .holds("filter", filter)
                                      .expects("dx", dx));
      check.that(variant != "halo_tile" || configured.ran(variant),
                 fmt::format("{} ran {}, not {}", backend->name(), configured.kernels(), variant));
    }
  }
}

struct VariantCase {
  std::string name, variant;
};

/// The last pixel of the image is seen by the last tap alone. The kernel of halo tiles keeps that where its tiles of 2 x 16
/// results end with the image.
void check_filter(const Checker& check, const VariantCase& v) {
  const bool whole_tiles = v.variant == "halo_tile";
  const Shape images = whole_tiles ? Shape{1, 32, 10, 18} : Shape{1, 32, 9, 19};
  const Conv2dCase c = conv2d_case(v.name, images, {32, 32, 3, 3});
  Tensor x = random_normal(c.x, 1);
  x.at(0, 5, images[2] - 1, images[3] - 1) = std::nan("");
  const Tensor dy = random_normal(c.y(), 3);
  const double terms = c.backward_filter_terms();
  for (Backend* backend : test_backends()) {
    if (backend->name() == "cpu") continue;
    const Configured configured(*backend, {.variant = v.variant});
    Call call = conv2d_backward_filter(c, DType::f32, both_channels_last);
    call.any_address = true;
    check.overwriting(
        *backend,
        std::move(call)
            .with(v.variant)
            .holds("x", x)
            .holds("dy", dy)
            .expects("d_filter", sum_of(reference::conv2d_backward_filter(c.params, x, dy, c.filter), terms))
            .expects("d_bias", sum_of(reference::conv2d_backward_bias(dy), terms)));
    check.that(configured.ran(v.variant),
               fmt::format("{} ran {}, not {}", backend->name(), configured.kernels(), v.variant));
  }
}

}  // namespace

Suite<Checker> conv2d_nan_checks() {
  const std::vector cases{
      conv2d_case("nan_in_tiles_that_end_in_the_middle", {2, 48, 9, 11}, {32, 48, 3, 3}).padding(1),
      conv2d_case("nan_3x3", {1, 32, 9, 19}, {32, 32, 3, 3}),
      conv2d_case("nan_strided", {1, 16, 9, 10}, {32, 16, 5, 5}).stride(2).padding(2),
      conv2d_case("nan_few_channels", {1, 3, 9, 10}, {32, 3, 3, 3}).padding(1)};
  return checks_of("conv2d kernels keep NaN to the results that see it", cases, check_passes);
}

Suite<Checker> conv2d_filter_nan_checks() {
  std::vector<VariantCase> cases{{"nan_filter_gradient", ""}};
  for (const char* variant : {"direct", "implicit_gemm_single_stage", "implicit_gemm_pipelined", "halo_tile"})
    cases.push_back({fmt::format("nan_filter_gradient_{}", variant), variant});
  return checks_of("conv2d filter gradients keep NaN to the taps that see it", cases, check_filter);
}

}  // namespace xr::tests
