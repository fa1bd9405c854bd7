#include "kernels/cpu/batch_norm2d_kernels.h"

#include <algorithm>

#include "kernels/cpu/parallel.h"

namespace xr::kernels::cpu {

namespace {

// Almost every run has a period of 64 (contiguous, blocked16, channels_last with a power of two up to 64
// channels): a constant lets the compiler keep parameters and sums in registers. Width 0: any period.
constexpr std::int64_t usual_period = 64;

// Calls element(i, position) for one run, period by period.
template <std::int64_t Width, class Element>
[[gnu::always_inline]] inline void walk(std::int64_t count, std::int64_t period, Element element) {
  const std::int64_t width = Width > 0 ? Width : period;
  std::int64_t first = 0;
  for (; first + width <= count; first += width)
    for (std::int64_t j = 0; j < width; ++j) element(first + j, j);
  for (std::int64_t j = 0; first + j < count; ++j) element(first + j, j);
}

template <std::int64_t Width>
[[gnu::always_inline]] inline void sums_of(const Runs& r, const float* __restrict x, float* __restrict sums) {
  std::fill(sums, sums + r.period, 0.0f);
  for (std::int64_t run = 0; run < r.runs; ++run, x += r.stride)
    walk<Width>(r.count, r.period, [&](std::int64_t i, std::int64_t j) { sums[j] += x[i]; });
}

template <std::int64_t Width>
[[gnu::always_inline]] inline void moments_of(const Runs& r, const float* __restrict x,
                                              const float* __restrict centre, float* __restrict residuals,
                                              float* __restrict squares) {
  std::fill(residuals, residuals + r.period, 0.0f);
  std::fill(squares, squares + r.period, 0.0f);
  for (std::int64_t run = 0; run < r.runs; ++run, x += r.stride)
    walk<Width>(r.count, r.period, [&](std::int64_t i, std::int64_t j) {
      const float residual = x[i] - centre[j];
      residuals[j] += residual;
      squares[j] += residual * residual;
    });
}

template <GradientMask mask>
[[gnu::always_inline]] inline float counted(float x, float centred, float scale, float beta, float dy) {
  if constexpr (mask == GradientMask::after_relu) return centred * scale + beta > 0.0f ? dy : 0.0f;
  if constexpr (mask == GradientMask::positive_x) return x > 0.0f ? dy : 0.0f;
  return dy;
}

template <std::int64_t Width, GradientMask mask>
[[gnu::always_inline]] inline void gradient_sums_of(const Runs& r, const float* __restrict x,
                                                    const float* __restrict dy, const Normalisation& n,
                                                    float* __restrict sum_dy, float* __restrict sum_dy_x) {
  const float* __restrict mean = n.mean, * __restrict scale = n.scale, * __restrict beta = n.beta;
  std::fill(sum_dy, sum_dy + r.period, 0.0f);
  std::fill(sum_dy_x, sum_dy_x + r.period, 0.0f);
  for (std::int64_t run = 0; run < r.runs; ++run, x += r.stride, dy += r.stride)
    walk<Width>(r.count, r.period, [&](std::int64_t i, std::int64_t j) {
      const float centred = x[i] - mean[j];
      const float gradient = counted<mask>(x[i], centred, scale[j], beta[j], dy[i]);
      sum_dy[j] += gradient;
      sum_dy_x[j] += gradient * centred;
    });
}

template <std::int64_t Width, bool relu>
[[gnu::always_inline]] inline void normalise_run(const Normalisation& n, std::int64_t period,
                                                 const float* __restrict x, float* __restrict y,
                                                 std::int64_t count) {
  const float* __restrict mean = n.mean, * __restrict scale = n.scale, * __restrict beta = n.beta;
  walk<Width>(count, period, [&](std::int64_t i, std::int64_t j) {
    const float value = (x[i] - mean[j]) * scale[j] + beta[j];
    y[i] = relu && value < 0.0f ? 0.0f : value;
  });
}

template <std::int64_t Width, GradientMask mask, bool accumulate>
[[gnu::always_inline]] inline void input_gradient_run(const InputGradient& g, std::int64_t period,
                                                      const float* __restrict x, const float* __restrict dy,
                                                      float* __restrict dx, std::int64_t count) {
  const float* __restrict mean = g.n.mean, * __restrict scale = g.n.scale, * __restrict beta = g.n.beta, * __restrict mean_dy = g.mean_dy, * __restrict slope = g.slope;
  walk<Width>(count, period, [&](std::int64_t i, std::int64_t j) {
    const float centred = x[i] - mean[j];
    const float gradient = counted<mask>(x[i], centred, scale[j], beta[j], dy[i]);
    const float value = scale[j] * ((gradient - mean_dy[j]) - centred * slope[j]);
    dx[i] = accumulate ? dx[i] + value : value;
  });
}

}  // namespace

XR_MULTIVERSION void position_sums(const Runs& r, const float* x, float* sums) {
  if (r.period == usual_period) {
    float local[usual_period];
    sums_of<usual_period>(r, x, local);
    std::copy(local, local + usual_period, sums);
  } else {
    sums_of<0>(r, x, sums);
  }
}

XR_MULTIVERSION void position_moments(const Runs& r, const float* x, const float* centre, float* residuals,
                                      float* squares) {
  if (r.period == usual_period)
    moments_of<usual_period>(r, x, centre, residuals, squares);
  else
    moments_of<0>(r, x, centre, residuals, squares);
}

XR_MULTIVERSION void position_gradient_sums(const Runs& r, GradientMask mask, const float* x, const float* dy,
                                            const Normalisation& n, float* sum_dy, float* sum_dy_x) {
  using enum GradientMask;
  const bool usual = r.period == usual_period;
  if (mask == all)
    usual ? gradient_sums_of<usual_period, all>(r, x, dy, n, sum_dy, sum_dy_x)
          : gradient_sums_of<0, all>(r, x, dy, n, sum_dy, sum_dy_x);
  else if (mask == after_relu)
    usual ? gradient_sums_of<usual_period, after_relu>(r, x, dy, n, sum_dy, sum_dy_x)
          : gradient_sums_of<0, after_relu>(r, x, dy, n, sum_dy, sum_dy_x);
  else
    usual ? gradient_sums_of<usual_period, positive_x>(r, x, dy, n, sum_dy, sum_dy_x)
          : gradient_sums_of<0, positive_x>(r, x, dy, n, sum_dy, sum_dy_x);
}

XR_MULTIVERSION void normalise(const Normalisation& n, bool relu, std::int64_t period, const float* x,
                               float* y, std::int64_t count) {
  const bool usual = period == usual_period;
  if (relu)
    usual ? normalise_run<usual_period, true>(n, period, x, y, count)
          : normalise_run<0, true>(n, period, x, y, count);
  else
    usual ? normalise_run<usual_period, false>(n, period, x, y, count)
          : normalise_run<0, false>(n, period, x, y, count);
}

// positive_x never occurs here: the mask of an input gradient is that of the normalised value.
XR_MULTIVERSION void input_gradient(const InputGradient& g, GradientMask mask, std::int64_t period,
                                    const float* x, const float* dy, float* dx, std::int64_t count) {
  using enum GradientMask;
  const bool usual = period == usual_period;
  if (mask == after_relu)
    usual ? input_gradient_run<usual_period, after_relu, false>(g, period, x, dy, dx, count)
          : input_gradient_run<0, after_relu, false>(g, period, x, dy, dx, count);
  else
    usual ? input_gradient_run<usual_period, all, false>(g, period, x, dy, dx, count)
          : input_gradient_run<0, all, false>(g, period, x, dy, dx, count);
}

XR_MULTIVERSION void add_input_gradient(const InputGradient& g, GradientMask mask, std::int64_t period,
                                        const float* x, const float* dy, float* dx, std::int64_t count) {
  using enum GradientMask;
  const bool usual = period == usual_period;
  if (mask == after_relu)
    usual ? input_gradient_run<usual_period, after_relu, true>(g, period, x, dy, dx, count)
          : input_gradient_run<0, after_relu, true>(g, period, x, dy, dx, count);
  else
    usual ? input_gradient_run<usual_period, all, true>(g, period, x, dy, dx, count)
          : input_gradient_run<0, all, true>(g, period, x, dy, dx, count);
}

}  // namespace xr::kernels::cpu
