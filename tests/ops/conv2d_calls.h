// The calls of a convolution, and how each is held against the oracle.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "kernels/ops/conv2d.h"
#include "tests/ops/checker.h"
#include "tests/ops/configured.h"
#include "tests/reference/conv2d.h"

namespace xr::tests {

using kernels::Conv2dParams;

struct Conv2dCase {
  std::string name;
  Shape x, filter;
  Conv2dParams params = {};
  bool bias = true;
  bool residual = false, relu = false;  ///< at the end of the forward pass

  // Height and width; one number for both.
  [[nodiscard]] Conv2dCase stride(std::int64_t h, std::int64_t w = -1) const;
  [[nodiscard]] Conv2dCase padding(std::int64_t h, std::int64_t w = -1) const;
  /// Zeros beyond the padding below and to the right.
  [[nodiscard]] Conv2dCase extra(std::int64_t h, std::int64_t w = -1) const;
  [[nodiscard]] Conv2dCase dilation(std::int64_t h, std::int64_t w = -1) const;
  [[nodiscard]] Conv2dCase groups(std::int64_t count) const;
  [[nodiscard]] Conv2dCase without_bias() const;

  [[nodiscard]] Shape y() const { return reference::conv2d_shape(params, x, filter); }
  /// Products that make up one element of y, of dx and of d_filter.
  [[nodiscard]] double terms() const { return static_cast<double>(filter[1] * filter[2] * filter[3]); }
  [[nodiscard]] double backward_data_terms() const {
    return terms() * static_cast<double>(filter[0]) / static_cast<double>(x[1]);
  }
  [[nodiscard]] double backward_filter_terms() const {
    return static_cast<double>(y().numel()) / static_cast<double>(filter[0]);
  }
  [[nodiscard]] std::int64_t flops() const { return 2 * y().numel() * filter[1] * filter[2] * filter[3]; }
  /// Whether a backend may compute it by Winograd's algorithm instead of directly.
  [[nodiscard]] bool suits_winograd() const;
};

/// Stride 1, no padding and with a bias, until said otherwise.
[[nodiscard]] inline Conv2dCase conv2d_case(std::string name, const Shape& x, const Shape& filter) {
  return {.name = std::move(name), .x = x, .filter = filter};
}

[[nodiscard]] const std::vector<Conv2dCase>& conv2d_cases();

/// Of x and y, and of their gradients.
struct Conv2dLayouts {
  Layout x, y;
};
inline constexpr Conv2dLayouts both_channels_last{Layout::channels_last, Layout::channels_last};

// `activation`: the type of x, y and their gradients.
[[nodiscard]] Call conv2d_forward(const Conv2dCase& c, DType activation, const Conv2dLayouts& layouts);
[[nodiscard]] Call conv2d_backward_data(const Conv2dCase& c, DType activation, const Conv2dLayouts& layouts);
[[nodiscard]] Call conv2d_backward_filter(const Conv2dCase& c, DType activation,
                                          const Conv2dLayouts& layouts);

/// How a backend is to compute a case.
struct Conv2dSetting {
  BackendOptions options = {};
  /// Operands that the precision multiplies exactly, so that its results must be as good as f32 sums.
  bool exact_operands = true;
  bool with_nan = false;          ///< forward and backward data: one activation is NaN
  bool winograd_in_bf16 = false;  ///< the backend may take Winograd's method in bf16

  [[nodiscard]] DType activation() const;
  /// Random numbers; with_nan concerns those of seed 1.
  [[nodiscard]] Tensor operand(const Shape& shape, std::uint64_t seed) const;
  [[nodiscard]] Expected expected(Tensor values, const Conv2dCase& c, double terms, DType dtype) const;
};

/// x and y in every pair of layouts that their channels and the backend allow; the executor takes long over
/// the direct kernels of the other layouts.
[[nodiscard]] std::vector<Conv2dLayouts> layout_pairs(const Backend& backend, const Conv2dCase& c);

using ChooseLayouts = std::function<std::vector<Conv2dLayouts>(const Backend&)>;
using Backends = std::vector<Backend*>;

void check_conv2d_forward(const Checker& check, const Conv2dCase& c, const Conv2dSetting& setting,
                          const Backends& backends, const ChooseLayouts& layouts);
void check_conv2d_backward_data(const Checker& check, const Conv2dCase& c, const Conv2dSetting& setting,
                                const Backends& backends, const ChooseLayouts& layouts);
void check_conv2d_backward_filter(const Checker& check, const Conv2dCase& c, const Conv2dSetting& setting,
                                  const Backends& backends, const ChooseLayouts& layouts);

}  // namespace xr::tests
