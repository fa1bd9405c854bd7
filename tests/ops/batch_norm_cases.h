// Batch norm: its cases, operands, and how large their rounding errors may be.
#pragma once

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "kernels/ops/batch_norm2d.h"
#include "tests/ops/call.h"
#include "tests/ops/cases.h"
#include "tests/ops/test_backends.h"
#include "tests/reference/batch_norm2d.h"
#include "tests/reference/gradient_check.h"

namespace xr::tests {

struct BatchNormCase {
  std::string name;
  Shape x;
  double mean = 0, deviation = 1;  ///< of the input
  kernels::BatchNormParams params = {};
  int switched_off = 0;  ///< further channels whose gamma is 0
};

inline const std::vector<BatchNormCase>& batch_norm_cases() {
  static const std::vector<BatchNormCase> cases = {
      {.name = "two_values", .x = {2, 1, 1, 1}},
      {.name = "small", .x = {2, 3, 5, 7}, .mean = 0.5, .deviation = 0.25},
      {.name = "one_image", .x = {1, 16, 9, 5}},
      {.name = "odd_extents", .x = {3, 32, 7, 9}, .mean = -1, .deviation = 2},
      {.name = "48_channels", .x = {2, 48, 6, 11}},
      {.name = "odd_channels", .x = {4, 17, 5, 3}, .mean = 3, .deviation = 0.5},
      {.name = "many_rows", .x = {5, 16, 61, 47}, .mean = 0.2, .deviation = 1},
      {.name = "large_mean", .x = {4, 16, 12, 13}, .mean = 100, .deviation = 1},
      {.name = "small_deviation_next_to_epsilon", .x = {3, 16, 5, 5}, .mean = 0, .deviation = 3e-3},
      {.name = "other_momentum_and_epsilon",
       .x = {2, 5, 4, 4},
       .mean = 0,
       .deviation = 1,
       .params = {.epsilon = 1e-3f, .momentum = 0.3f}},
      {.name = "channels_switched_off", .x = {2, 24, 24, 26}, .switched_off = 8},
      {.name = "wide_rows", .x = {1, 16, 3, 2101}, .mean = 0.5, .deviation = 0.25},
      {.name = "planes_of_whole_vectors", .x = {4, 3, 32, 64}, .mean = 0.5, .deviation = 0.25},
      {.name = "large", .x = large_activation, .mean = 0.5, .deviation = 0.25},
      {.name = "features", .x = {9, 21}, .mean = 1, .deviation = 2},
      {.name = "features_of_two_rows", .x = {2, 64}},
  };
  return cases;
}

struct BatchNormInputs {
  Tensor x, gamma, beta, running_mean, running_var;
};

/// The layouts at which a case is tested: the preferred one for the large one.
inline std::vector<Layout> layouts_of(const Backend& backend, const BatchNormCase& c) {
  if (!is_fast_enough(backend, c.x.numel())) return {};
  if (c.x == large_activation) return {backend.preferred_layout(c.x[1])};
  return layouts_of(backend, c.x);
}

/// All values of x are distinct, as far as the type can tell them apart, so that no sign and no maximum
/// behind the normalisation hangs on rounding.
/// `growth`: of gamma.
inline BatchNormInputs batch_norm_inputs(const BatchNormCase& c, DType dtype = DType::f32,
                                         double growth = 1) {
  const Shape channels{c.x[1]};
  BatchNormInputs in{reference::random_distinct(c.x, 1), reference::random_normal(channels, 2, 0, 1),
                     reference::random_normal(channels, 3),
                     reference::random_normal(channels, 4, c.mean, c.deviation),
                     reference::random_normal(channels, 5)};
  for (double& value : in.x.values) value = c.mean + c.deviation * value;
  in.x = to_type(in.x, dtype);
  for (double& value : in.gamma.values) value = growth * (value + (value < 0 ? -0.1 : 0.1));
  // A channel that is switched off, and one whose output hardly moves: what can be derived from y is lost.
  if (c.x[1] > 2) {
    in.gamma[0] = 0;
    in.beta[0] = 0.5;
  }
  if (c.x[1] > 2 && c.x.numel() < 20000) {
    const bool few = c.x.numel() < 2000;  // values far enough apart that their order survives rounding
    in.gamma[1] = few ? 0.001 : 0.01;
    in.beta[1] = few ? 2 : 0.25;
  }
  for (std::int64_t channel = 8; channel < 8 + c.switched_off; ++channel) {
    in.gamma[channel] = 0;
    in.beta[channel] = 0.5;
  }
  in.gamma = to_single(in.gamma);
  for (double& value : in.running_var.values) value = c.deviation * c.deviation * (0.5 + std::abs(value));
  in.running_var = to_single(in.running_var);
  return in;
}

/// Calls check(backend, layout) for everything that takes the type and that a case is tested on.
template <class Check>
void for_each_layout(const BatchNormCase& c, DType dtype, Check&& check) {
  for (Backend* backend : test_backends(dtype))
    for (const Layout layout : layouts_of(*backend, c)) check(*backend, layout);
}

/// Values per channel.
inline double count_of(const BatchNormCase& c) {
  return static_cast<double>(c.x.numel()) / static_cast<double>(c.x[1]);
}

/// Of the terms of y: a mean that is large beside the deviation is rounded as coarsely as x itself.
inline double output_magnitude(const BatchNormCase& c, const Tensor& y) {
  return reference::root_mean_square(y) * (1 + std::abs(c.mean) / c.deviation);
}

/// Of the terms of dx, which cancel where a channel has few values.
inline double gradient_magnitude(const BatchNormInputs& in, const Tensor& inverse_std, const Tensor& dy) {
  return reference::root_mean_square(in.gamma) * reference::root_mean_square(inverse_std) *
         reference::root_mean_square(dy);
}

/// Operands dx, d_gamma and d_beta; `wanted` says which of them are defined.
inline std::vector<Operand> gradient_operands(const Shape& x, DType dtype, Layout layout,
                                              const std::array<bool, 3>& wanted = {true, true, true}) {
  return {output("dx", x, dtype, layout).only_if(wanted[0]), output("d_gamma", {x[1]}).only_if(wanted[1]),
          output("d_beta", {x[1]}).only_if(wanted[2])};
}

/// Expected dx, d_gamma and d_beta. `gamma_growth`: how much larger the terms of d_gamma are than dy.
inline Call expect_gradients(Call call, const BatchNormCase& c, const BatchNormInputs& in,
                             const reference::BatchNorm2dGradients& gradients, const Tensor& inverse_std,
                             const Tensor& dy, double gamma_growth = 1) {
  const double terms = count_of(c), sum = std::sqrt(terms) * reference::root_mean_square(dy);
  return std::move(call)
      .expects("dx", {gradients.dx, DType::f32, Arithmetic::transcendental, 1,
                      gradient_magnitude(in, inverse_std, dy)})
      .expects("d_gamma", {gradients.d_gamma, DType::f32, Arithmetic::reduction, terms, gamma_growth * sum})
      .expects("d_beta", {gradients.d_beta, DType::f32, Arithmetic::reduction, terms, sum});
}

}  // namespace xr::tests
