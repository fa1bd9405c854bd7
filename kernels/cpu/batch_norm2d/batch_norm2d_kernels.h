// The inner loops of batch normalisation, for runs of pixels in any layout.
//
// A run is `count` consecutive elements that begin at a pixel's first lane. Its element i belongs to position
// i % period (position_period in channel_layout.h); parameters and sums are arrays of `period` positions. Activations
// are f32 or bf16, which is widened and rounded in registers; everything else is f32. `gap` elements of x and dx after
// each period are no part of the run; where it is not 0, the count is a multiple of the period.
#pragma once

#include <cstdint>

#include "kernels/common/bf16.h"

namespace xr::kernels::cpu {

/// `runs` runs of `count` elements each: the same pixels of several images, x_stride elements apart in x, and dy_stride in
/// dy.
struct Runs {
  std::int64_t runs, x_stride, dy_stride, count, period, gap;
};

/// What follows the normalisation.
enum class Rectifier : std::uint8_t { none, relu, relu6 };

/// Which elements of dy count.
enum class GradientMask : std::uint8_t {
  all,
  after_relu,   ///< where the normalised value (x - mean) scale + beta is positive
  after_relu6,  ///< where it is positive and less than 6
  positive_x,   ///< where x itself is positive
};

[[nodiscard]] constexpr GradientMask mask_of(Rectifier rectifier) {
  if (rectifier == Rectifier::none) return GradientMask::all;
  return rectifier == Rectifier::relu ? GradientMask::after_relu : GradientMask::after_relu6;
}

/// Parameters of a normalisation by position: y = (x - mean) scale + beta, scale = gamma inverse_std.
struct Normalisation {
  const float *mean, *scale, *beta;
};

/// dx = scale ((dy - mean_dy) - (x - mean) slope), dy counted as in the mask.
struct InputGradient {
  Normalisation n;
  const float *mean_dy, *slope;
};

// NOLINTBEGIN(bugprone-macro-parentheses): T is a type
#define XR_DECLARE_KERNELS(T)                                                                                 \
  /** sums[position] = sum of x. */                                                                           \
  void position_sums(const Runs& r, const T* x, float* sums);                                                 \
  /** residuals[position] = sum of x - centre, squares[position] = sum of (x - centre)^2. */                  \
  void position_moments(const Runs& r, const T* x, const float* centre, float* residuals, float* squares);    \
  /** sum_dy[position] = sum of dy, sum_dy_x[position] = sum of dy (x - mean), of the elements that count. */ \
  void position_gradient_sums(const Runs& r, GradientMask mask, const T* x, const T* dy,                      \
                              const Normalisation& n, float* sum_dy, float* sum_dy_x);                        \
  /** y = (x - mean) scale + beta, rectified (NaN stays). x and y: one run. */                                \
  void normalise(const Normalisation& n, Rectifier rectifier, std::int64_t period, std::int64_t gap,          \
                 const T* x, T* y, std::int64_t count);                                                       \
  /** dx = the gradient, of one run. */                                                                       \
  void input_gradient(const InputGradient& g, GradientMask mask, std::int64_t period, std::int64_t gap,       \
                      const T* x, const T* dy, T* dx, std::int64_t count);                                    \
  /** dx += the gradient, of one run. */                                                                      \
  void add_input_gradient(const InputGradient& g, GradientMask mask, std::int64_t period, std::int64_t gap,   \
                          const T* x, const T* dy, T* dx, std::int64_t count);
// NOLINTEND(bugprone-macro-parentheses)
XR_DECLARE_KERNELS(float)
XR_DECLARE_KERNELS(Bf16)
#undef XR_DECLARE_KERNELS

}  // namespace xr::kernels::cpu
