// Operands of batch norm and of the fused operations, and how large their rounding errors may be.
#pragma once

#include "tests/kernels/cases.h"
#include "tests/kernels/harness.h"
#include "tests/reference/batch_norm2d.h"

namespace xr::tests {

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
inline BatchNormInputs batch_norm_inputs(const BatchNormCase& c, DType dtype = DType::f32) {
  const Shape channels{c.x[1]};
  BatchNormInputs in{random_distinct(c.x, 1), random_normal(channels, 2, 0, 1), random_normal(channels, 3),
                     random_normal(channels, 4, c.mean, c.deviation), random_normal(channels, 5)};
  for (double& value : in.x.values) value = c.mean + c.deviation * value;
  in.x = to_type(in.x, dtype);
  for (double& value : in.gamma.values) value += value < 0 ? -0.1 : 0.1;
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

/// Expected dx, d_gamma and d_beta, in this order. `variation`: size of the terms of dx.
inline std::vector<Output> gradient_outputs(const BatchNormCase& c, const BatchNormInputs& in,
                                            const reference::BatchNorm2dGradients& gradients,
                                            const Tensor& inverse_std, const Tensor& dy, Layout layout,
                                            DType dtype = DType::f32) {
  const double terms = count_of(c), sum = std::sqrt(terms) * reference::root_mean_square(dy);
  return {
      {"dx",
       {gradients.dx, dtype, Arithmetic::transcendental, 1, gradient_magnitude(in, inverse_std, dy)},
       layout},
      {"d_gamma", {gradients.d_gamma, DType::f32, Arithmetic::reduction, terms, sum}},
      {"d_beta", {gradients.d_beta, DType::f32, Arithmetic::reduction, terms, sum}},
  };
}

}  // namespace xr::tests
