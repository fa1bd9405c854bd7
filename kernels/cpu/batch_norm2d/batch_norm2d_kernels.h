// The inner loops of batch normalisation, for runs of pixels in any layout.
//
// A run is `count` consecutive floats that begin at a pixel's first lane. Its element i belongs to position
// i % period (position_period in channel_layout.h); parameters and sums are arrays of `period` positions.
#pragma once

#include <cstdint>

namespace xr::kernels::cpu {

/// `runs` runs of `count` elements each, `stride` elements apart: the same pixels of several images.
struct Runs {
  std::int64_t runs, stride, count, period;
};

/// sums[position] = sum of x.
void position_sums(const Runs& r, const float* x, float* sums);

/// residuals[position] = sum of x - centre, squares[position] = sum of (x - centre)^2.
void position_moments(const Runs& r, const float* x, const float* centre, float* residuals, float* squares);

/// Which elements of dy count.
enum class GradientMask : std::uint8_t {
  all,
  after_relu,  ///< where the normalised value (x - mean) scale + beta is positive
  positive_x,  ///< where x itself is positive
};

/// Parameters of a normalisation by position: y = (x - mean) scale + beta, scale = gamma inverse_std.
struct Normalisation {
  const float *mean, *scale, *beta;
};

/// sum_dy[position] = sum of dy, sum_dy_x[position] = sum of dy (x - mean), both over the elements that
/// count.
void position_gradient_sums(const Runs& r, GradientMask mask, const float* x, const float* dy,
                            const Normalisation& n, float* sum_dy, float* sum_dy_x);

/// y = (x - mean) scale + beta, and with relu its positive part (NaN stays). x and y: one run.
void normalise(const Normalisation& n, bool relu, std::int64_t period, const float* x, float* y,
               std::int64_t count);

/// dx = scale ((dy - mean_dy) - (x - mean) slope), dy counted as in the mask. One run.
struct InputGradient {
  Normalisation n;
  const float *mean_dy, *slope;
};
void input_gradient(const InputGradient& g, GradientMask mask, std::int64_t period, const float* x,
                    const float* dy, float* dx, std::int64_t count);
void add_input_gradient(const InputGradient& g, GradientMask mask, std::int64_t period, const float* x,
                        const float* dy, float* dx, std::int64_t count);

}  // namespace xr::kernels::cpu
