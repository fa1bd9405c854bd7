#include "kernels/cpu/batch_norm2d/batch_norm2d_kernels.h"

#include <algorithm>

#include "kernels/common/parallel.h"
#include "kernels/cpu/prefetch.h"

// How these loops are written: the sums live in local arrays and the inner loop has a constant length, so gcc
// unrolls it into whole registers and keeps the sums there (checked in the assembly: no load or store of a
// sum inside the loop). Pointers captured by a lambda lose their __restrict, hence the plain functions.
namespace xr::kernels::cpu {

namespace {

// Almost every run has a period of 64: contiguous, blocked16, and channels_last with a power of two of up to
// 64 channels.
constexpr std::int64_t usual_period = 64;

[[gnu::always_inline]] inline void add_values(const float* __restrict x, float* __restrict sums,
                                              std::int64_t count) {
  for (std::int64_t j = 0; j < count; ++j) sums[j] += x[j];
}

[[gnu::always_inline]] inline void add_moments(const float* __restrict x, const float* __restrict centre,
                                               float* __restrict residuals, float* __restrict squares,
                                               std::int64_t count) {
  for (std::int64_t j = 0; j < count; ++j) {
    const float residual = x[j] - centre[j];
    residuals[j] += residual;
    squares[j] += residual * residual;
  }
}

template <GradientMask Mask>
[[gnu::always_inline]] inline float counted(float x, float centred, float scale, float beta, float dy) {
  if constexpr (Mask == GradientMask::after_relu)
    return centred * scale + beta > 0.0f ? dy : 0.0f;
  else if constexpr (Mask == GradientMask::positive_x)
    return x > 0.0f ? dy : 0.0f;
  else
    return dy;
}

template <GradientMask Mask>
[[gnu::always_inline]] inline void add_gradients(const float* __restrict x, const float* __restrict dy,
                                                 const Normalisation& n, float* __restrict sum_dy,
                                                 float* __restrict sum_dy_x, std::int64_t count) {
  for (std::int64_t j = 0; j < count; ++j) {
    const float centred = x[j] - n.mean[j];
    const float gradient = counted<Mask>(x[j], centred, n.scale[j], n.beta[j], dy[j]);
    sum_dy[j] += gradient;
    sum_dy_x[j] += gradient * centred;
  }
}

// Width 0: any period.
template <std::int64_t Width, GradientMask Mask>
[[gnu::always_inline]] inline void sum_gradients(const Runs& r, const float* x, const float* dy,
                                                 const Normalisation& n, float* sum_dy, float* sum_dy_x) {
  const std::int64_t width = Width > 0 ? Width : r.period;
  for (std::int64_t run = 0; run < r.runs; ++run) {
    const float *values = x + run * r.stride, *gradients = dy + run * r.stride;
    std::int64_t i = 0;
    for (; i + width <= r.count; i += width) {
      if (Mask != GradientMask::all) prefetch_ahead(gradients + i, width);
      add_gradients<Mask>(values + i, gradients + i, n, sum_dy, sum_dy_x, width);
    }
    add_gradients<Mask>(values + i, gradients + i, n, sum_dy, sum_dy_x, r.count - i);
  }
}

template <GradientMask Mask>
[[gnu::always_inline]] inline void sum_gradients(const Runs& r, const float* x, const float* dy,
                                                 const Normalisation& n, float* sum_dy, float* sum_dy_x) {
  if (r.period == usual_period) {
    float local_dy[usual_period] = {}, local_dy_x[usual_period] = {};
    sum_gradients<usual_period, Mask>(r, x, dy, n, local_dy, local_dy_x);
    std::copy(local_dy, local_dy + usual_period, sum_dy);
    std::copy(local_dy_x, local_dy_x + usual_period, sum_dy_x);
  } else {
    std::fill(sum_dy, sum_dy + r.period, 0.0f);
    std::fill(sum_dy_x, sum_dy_x + r.period, 0.0f);
    sum_gradients<0, Mask>(r, x, dy, n, sum_dy, sum_dy_x);
  }
}

template <bool Relu>
[[gnu::always_inline]] inline void normalise_values(const Normalisation& n, const float* x,
                                                    float* __restrict y, std::int64_t count) {
  for (std::int64_t j = 0; j < count; ++j) {
    const float value = (x[j] - n.mean[j]) * n.scale[j] + n.beta[j];
    y[j] = Relu && value < 0.0f ? 0.0f : value;
  }
}

template <std::int64_t Width, bool Relu>
[[gnu::always_inline]] inline void normalise_run(const Normalisation& n, std::int64_t period, const float* x,
                                                 float* __restrict y, std::int64_t count) {
  const std::int64_t width = Width > 0 ? Width : period;
  std::int64_t i = 0;
  for (; i + width <= count; i += width) normalise_values<Relu>(n, x + i, y + i, width);
  normalise_values<Relu>(n, x + i, y + i, count - i);
}

template <GradientMask Mask, bool Accumulate>
[[gnu::always_inline]] inline void input_gradients(const InputGradient& g, const float* x, const float* dy,
                                                   float* __restrict dx, std::int64_t count) {
  for (std::int64_t j = 0; j < count; ++j) {
    const float centred = x[j] - g.n.mean[j], scale = g.n.scale[j];
    const float gradient = counted<Mask>(x[j], centred, scale, g.n.beta[j], dy[j]);
    const float value = scale * ((gradient - g.mean_dy[j]) - centred * g.slope[j]);
    dx[j] = Accumulate ? dx[j] + value : value;
  }
}

template <std::int64_t Width, GradientMask Mask, bool Accumulate>
[[gnu::always_inline]] inline void input_gradient_run(const InputGradient& g, std::int64_t period,
                                                      const float* x, const float* dy, float* __restrict dx,
                                                      std::int64_t count) {
  const std::int64_t width = Width > 0 ? Width : period;
  std::int64_t i = 0;
  for (; i + width <= count; i += width) {
    if (Mask != GradientMask::all) {
      prefetch_ahead(x + i, width);
      prefetch_ahead(dy + i, width);
    }
    input_gradients<Mask, Accumulate>(g, x + i, dy + i, dx + i, width);
  }
  input_gradients<Mask, Accumulate>(g, x + i, dy + i, dx + i, count - i);
}

template <bool Accumulate>
[[gnu::always_inline]] inline void input_gradient_of(const InputGradient& g, GradientMask mask,
                                                     std::int64_t period, const float* x, const float* dy,
                                                     float* __restrict dx, std::int64_t count) {
  using enum GradientMask;
  const bool usual = period == usual_period;
  if (mask == after_relu && usual)
    input_gradient_run<usual_period, after_relu, Accumulate>(g, period, x, dy, dx, count);
  else if (mask == after_relu)
    input_gradient_run<0, after_relu, Accumulate>(g, period, x, dy, dx, count);
  else if (usual)
    input_gradient_run<usual_period, all, Accumulate>(g, period, x, dy, dx, count);
  else
    input_gradient_run<0, all, Accumulate>(g, period, x, dy, dx, count);
}

template <std::int64_t Width>
[[gnu::always_inline]] inline void sum_values(const Runs& r, const float* x, float* sums) {
  const std::int64_t width = Width > 0 ? Width : r.period;
  for (std::int64_t run = 0; run < r.runs; ++run) {
    const float* values = x + run * r.stride;
    std::int64_t i = 0;
    for (; i + width <= r.count; i += width) add_values(values + i, sums, width);
    add_values(values + i, sums, r.count - i);
  }
}

template <std::int64_t Width>
[[gnu::always_inline]] inline void sum_moments(const Runs& r, const float* x, const float* centre,
                                               float* residuals, float* squares) {
  const std::int64_t width = Width > 0 ? Width : r.period;
  for (std::int64_t run = 0; run < r.runs; ++run) {
    const float* values = x + run * r.stride;
    std::int64_t i = 0;
    for (; i + width <= r.count; i += width) {
      prefetch_ahead(values + i, width);
      add_moments(values + i, centre, residuals, squares, width);
    }
    add_moments(values + i, centre, residuals, squares, r.count - i);
  }
}

}  // namespace

XR_MULTIVERSION void position_sums(const Runs& r, const float* x, float* sums) {
  if (r.period == usual_period) {
    float local[usual_period] = {};
    sum_values<usual_period>(r, x, local);
    std::copy(local, local + usual_period, sums);
  } else {
    std::fill(sums, sums + r.period, 0.0f);
    sum_values<0>(r, x, sums);
  }
}

XR_MULTIVERSION void position_moments(const Runs& r, const float* x, const float* centre, float* residuals,
                                      float* squares) {
  if (r.period == usual_period) {
    float local_residuals[usual_period] = {}, local_squares[usual_period] = {};
    sum_moments<usual_period>(r, x, centre, local_residuals, local_squares);
    std::copy(local_residuals, local_residuals + usual_period, residuals);
    std::copy(local_squares, local_squares + usual_period, squares);
  } else {
    std::fill(residuals, residuals + r.period, 0.0f);
    std::fill(squares, squares + r.period, 0.0f);
    sum_moments<0>(r, x, centre, residuals, squares);
  }
}

XR_MULTIVERSION void position_gradient_sums(const Runs& r, GradientMask mask, const float* x, const float* dy,
                                            const Normalisation& n, float* sum_dy, float* sum_dy_x) {
  if (mask == GradientMask::all)
    sum_gradients<GradientMask::all>(r, x, dy, n, sum_dy, sum_dy_x);
  else if (mask == GradientMask::after_relu)
    sum_gradients<GradientMask::after_relu>(r, x, dy, n, sum_dy, sum_dy_x);
  else
    sum_gradients<GradientMask::positive_x>(r, x, dy, n, sum_dy, sum_dy_x);
}

XR_MULTIVERSION void normalise(const Normalisation& n, bool relu, std::int64_t period, const float* x,
                               float* __restrict y, std::int64_t count) {
  const bool usual = period == usual_period;
  if (relu && usual)
    normalise_run<usual_period, true>(n, period, x, y, count);
  else if (relu)
    normalise_run<0, true>(n, period, x, y, count);
  else if (usual)
    normalise_run<usual_period, false>(n, period, x, y, count);
  else
    normalise_run<0, false>(n, period, x, y, count);
}

XR_MULTIVERSION void input_gradient(const InputGradient& g, GradientMask mask, std::int64_t period,
                                    const float* x, const float* dy, float* __restrict dx,
                                    std::int64_t count) {
  input_gradient_of<false>(g, mask, period, x, dy, dx, count);
}

XR_MULTIVERSION void add_input_gradient(const InputGradient& g, GradientMask mask, std::int64_t period,
                                        const float* x, const float* dy, float* __restrict dx,
                                        std::int64_t count) {
  input_gradient_of<true>(g, mask, period, x, dy, dx, count);
}

}  // namespace xr::kernels::cpu
