#include "kernels/cpu/batch_norm2d/batch_norm2d_kernels.h"

#include <algorithm>

#include "kernels/common/parallel.h"
#include "kernels/cpu/prefetch.h"

// How these loops are written: the sums live in local arrays and the inner loop has a constant length, so gcc
// unrolls it into whole registers and keeps the sums there (checked in the assembly: no load or store of a
// sum inside the loop). Pointers captured by a lambda lose their __restrict, hence the plain functions.
namespace xr::kernels::cpu {

namespace {

// Positions whose sums fit the registers. Almost every run of contiguous or blocked16 has just them as its period; in
// channels_last, where that is the number of channels, sums are taken strip by strip.
constexpr std::int64_t usual_period = 64, narrow_strip = 16;

template <class T>
[[gnu::always_inline]] inline void add_values(const T* __restrict x, float* __restrict sums,
                                              std::int64_t count) {
  for (std::int64_t j = 0; j < count; ++j) sums[j] += to_float(x[j]);
}

template <class T>
[[gnu::always_inline]] inline void add_moments(const T* __restrict x, const float* __restrict centre,
                                               float* __restrict residuals, float* __restrict squares,
                                               std::int64_t count) {
  for (std::int64_t j = 0; j < count; ++j) {
    const float residual = to_float(x[j]) - centre[j];
    residuals[j] += residual;
    squares[j] += residual * residual;
  }
}

template <GradientMask Mask>
[[gnu::always_inline]] inline float counted(float x, float centred, float scale, float beta, float dy) {
  if constexpr (Mask == GradientMask::after_relu) {
    return centred * scale + beta > 0.0f ? dy : 0.0f;
  } else if constexpr (Mask == GradientMask::after_relu6) {
    const float value = centred * scale + beta;
    return ((value > 0.0f) & (value < 6.0f)) != 0 ? dy : 0.0f;
  } else if constexpr (Mask == GradientMask::positive_x) {
    return x > 0.0f ? dy : 0.0f;
  } else {
    return dy;
  }
}

template <GradientMask Mask, class T>
[[gnu::always_inline]] inline void add_gradients(const T* __restrict x, const T* __restrict dy,
                                                 const Normalisation& n, float* __restrict sum_dy,
                                                 float* __restrict sum_dy_x, std::int64_t count) {
  for (std::int64_t j = 0; j < count; ++j) {
    const float value = to_float(x[j]), centred = value - n.mean[j];
    const float gradient = counted<Mask>(value, centred, n.scale[j], n.beta[j], to_float(dy[j]));
    sum_dy[j] += gradient;
    sum_dy_x[j] += gradient * centred;
  }
}

// What of a period's positions is summed together: `Width`, or with Width 0 `width` < narrow_strip, from `first` on.
template <std::int64_t Width>
struct Strip {
  std::int64_t first, width;
  static constexpr std::int64_t max_width = Width > 0 ? Width : narrow_strip;
  [[nodiscard]] std::int64_t count() const { return Width > 0 ? Width : width; }
};

template <std::int64_t Width, class T>
[[gnu::always_inline]] inline void strip_sums(const Runs& r, Strip<Width> strip, const T* x, float* sums) {
  float local[Strip<Width>::max_width] = {};
  const std::int64_t count = strip.count();
  for (std::int64_t run = 0; run < r.runs; ++run) {
    const T* values = x + run * r.x_stride;
    std::int64_t i = strip.first;
    for (; i + count <= r.count; i += r.period, values += r.gap) add_values(values + i, local, count);
    if (i < r.count) add_values(values + i, local, r.count - i);
  }
  std::copy_n(local, count, sums + strip.first);
}

template <std::int64_t Width, class T>
[[gnu::always_inline]] inline void strip_moments(const Runs& r, Strip<Width> strip, const T* x,
                                                 const float* centre, float* residuals, float* squares) {
  float local_residuals[Strip<Width>::max_width] = {}, local_squares[Strip<Width>::max_width] = {};
  const std::int64_t count = strip.count();
  centre += strip.first;
  for (std::int64_t run = 0; run < r.runs; ++run) {
    const T* values = x + run * r.x_stride;
    std::int64_t i = strip.first;
    for (; i + count <= r.count; i += r.period, values += r.gap) {
      prefetch_ahead(values + i, count);
      add_moments(values + i, centre, local_residuals, local_squares, count);
    }
    if (i < r.count) add_moments(values + i, centre, local_residuals, local_squares, r.count - i);
  }
  std::copy_n(local_residuals, count, residuals + strip.first);
  std::copy_n(local_squares, count, squares + strip.first);
}

template <GradientMask Mask, std::int64_t Width, class T>
[[gnu::always_inline]] inline void strip_gradient_sums(const Runs& r, Strip<Width> strip, const T* x,
                                                       const T* dy, const Normalisation& all, float* sum_dy,
                                                       float* sum_dy_x) {
  float local_dy[Strip<Width>::max_width] = {}, local_dy_x[Strip<Width>::max_width] = {};
  const std::int64_t count = strip.count();
  const Normalisation n{all.mean + strip.first, all.scale + strip.first, all.beta + strip.first};
  for (std::int64_t run = 0; run < r.runs; ++run) {
    const T *values = x + run * r.x_stride, *gradients = dy + run * r.dy_stride;
    std::int64_t i = strip.first;
    for (; i + count <= r.count; i += r.period, values += r.gap) {
      if (Mask != GradientMask::all) prefetch_ahead(gradients + i, count);
      add_gradients<Mask>(values + i, gradients + i, n, local_dy, local_dy_x, count);
    }
    if (i < r.count) add_gradients<Mask>(values + i, gradients + i, n, local_dy, local_dy_x, r.count - i);
  }
  std::copy_n(local_dy, count, sum_dy + strip.first);
  std::copy_n(local_dy_x, count, sum_dy_x + strip.first);
}

// Calls body(Strip) for all positions.
template <class Body>
[[gnu::always_inline]] inline void for_position_strips(std::int64_t period, Body&& body) {
  std::int64_t first = 0;
  for (; first + usual_period <= period; first += usual_period)
    body(Strip<usual_period>{first, usual_period});
  for (; first + narrow_strip <= period; first += narrow_strip)
    body(Strip<narrow_strip>{first, narrow_strip});
  if (first < period) body(Strip<0>{first, period - first});
}

template <GradientMask Mask, class T>
[[gnu::always_inline]] inline void sum_gradients(const Runs& r, const T* x, const T* dy,
                                                 const Normalisation& n, float* sum_dy, float* sum_dy_x) {
  for_position_strips(
      r.period, [&](auto strip) __attribute__((always_inline)) {
        strip_gradient_sums<Mask>(r, strip, x, dy, n, sum_dy, sum_dy_x);
      });
}

template <class T>
[[gnu::always_inline]] inline void masked_gradient_sums(const Runs& r, GradientMask mask, const T* x,
                                                        const T* dy, const Normalisation& n, float* sum_dy,
                                                        float* sum_dy_x) {
  switch (mask) {
    case GradientMask::all:
      return sum_gradients<GradientMask::all>(r, x, dy, n, sum_dy, sum_dy_x);
    case GradientMask::after_relu:
      return sum_gradients<GradientMask::after_relu>(r, x, dy, n, sum_dy, sum_dy_x);
    case GradientMask::after_relu6:
      return sum_gradients<GradientMask::after_relu6>(r, x, dy, n, sum_dy, sum_dy_x);
    case GradientMask::positive_x:
      return sum_gradients<GradientMask::positive_x>(r, x, dy, n, sum_dy, sum_dy_x);
  }
}

template <Rectifier After, class T>
[[gnu::always_inline]] inline void normalise_values(const Normalisation& n, const T* x, T* __restrict y,
                                                    std::int64_t count) {
  for (std::int64_t j = 0; j < count; ++j) {
    float value = (to_float(x[j]) - n.mean[j]) * n.scale[j] + n.beta[j];
    if constexpr (After != Rectifier::none) value = value < 0.0f ? 0.0f : value;
    if constexpr (After == Rectifier::relu6) value = value > 6.0f ? 6.0f : value;
    y[j] = from_float<T>(value);
  }
}

// Width 0: any period.
template <std::int64_t Width, Rectifier After, class T>
[[gnu::always_inline]] inline void normalise_run(const Normalisation& n, std::int64_t period,
                                                 std::int64_t gap, const T* x, T* __restrict y,
                                                 std::int64_t count) {
  const std::int64_t width = Width > 0 ? Width : period;
  std::int64_t i = 0;
  for (; i + width <= count; i += width, x += gap) normalise_values<After>(n, x + i, y + i, width);
  normalise_values<After>(n, x + i, y + i, count - i);
}

template <Rectifier After, class T>
[[gnu::always_inline]] inline void normalise_run(const Normalisation& n, std::int64_t period,
                                                 std::int64_t gap, const T* x, T* __restrict y,
                                                 std::int64_t count) {
  if (period == usual_period)
    normalise_run<usual_period, After>(n, period, gap, x, y, count);
  else
    normalise_run<0, After>(n, period, gap, x, y, count);
}

template <class T>
[[gnu::always_inline]] inline void normalise_of(const Normalisation& n, Rectifier rectifier,
                                                std::int64_t period, std::int64_t gap, const T* x,
                                                T* __restrict y, std::int64_t count) {
  switch (rectifier) {
    case Rectifier::none:
      return normalise_run<Rectifier::none>(n, period, gap, x, y, count);
    case Rectifier::relu:
      return normalise_run<Rectifier::relu>(n, period, gap, x, y, count);
    case Rectifier::relu6:
      return normalise_run<Rectifier::relu6>(n, period, gap, x, y, count);
  }
}

template <GradientMask Mask, bool Accumulate, class T>
[[gnu::always_inline]] inline void input_gradients(const InputGradient& g, const T* x, const T* dy,
                                                   T* __restrict dx, std::int64_t count) {
  for (std::int64_t j = 0; j < count; ++j) {
    const float value = to_float(x[j]), centred = value - g.n.mean[j], scale = g.n.scale[j];
    const float gradient = counted<Mask>(value, centred, scale, g.n.beta[j], to_float(dy[j]));
    const float result = scale * ((gradient - g.mean_dy[j]) - centred * g.slope[j]);
    dx[j] = from_float<T>(Accumulate ? to_float(dx[j]) + result : result);
  }
}

template <std::int64_t Width, GradientMask Mask, bool Accumulate, class T>
[[gnu::always_inline]] inline void input_gradient_run(const InputGradient& g, std::int64_t period,
                                                      std::int64_t gap, const T* x, const T* dy,
                                                      T* __restrict dx, std::int64_t count) {
  const std::int64_t width = Width > 0 ? Width : period;
  std::int64_t i = 0;
  for (; i + width <= count; i += width, x += gap, dx += gap) {
    if (Mask != GradientMask::all) {
      prefetch_ahead(x + i, width);
      prefetch_ahead(dy + i, width);
    }
    input_gradients<Mask, Accumulate>(g, x + i, dy + i, dx + i, width);
  }
  input_gradients<Mask, Accumulate>(g, x + i, dy + i, dx + i, count - i);
}

template <GradientMask Mask, bool Accumulate, class T>
[[gnu::always_inline]] inline void input_gradient_run(const InputGradient& g, std::int64_t period,
                                                      std::int64_t gap, const T* x, const T* dy,
                                                      T* __restrict dx, std::int64_t count) {
  if (period == usual_period)
    input_gradient_run<usual_period, Mask, Accumulate>(g, period, gap, x, dy, dx, count);
  else
    input_gradient_run<0, Mask, Accumulate>(g, period, gap, x, dy, dx, count);
}

// With GradientMask::positive_x there is no gradient of an input.
template <bool Accumulate, class T>
[[gnu::always_inline]] inline void input_gradient_of(const InputGradient& g, GradientMask mask,
                                                     std::int64_t period, std::int64_t gap, const T* x,
                                                     const T* dy, T* __restrict dx, std::int64_t count) {
  if (mask == GradientMask::after_relu)
    input_gradient_run<GradientMask::after_relu, Accumulate>(g, period, gap, x, dy, dx, count);
  else if (mask == GradientMask::after_relu6)
    input_gradient_run<GradientMask::after_relu6, Accumulate>(g, period, gap, x, dy, dx, count);
  else
    input_gradient_run<GradientMask::all, Accumulate>(g, period, gap, x, dy, dx, count);
}

}  // namespace

// NOLINTBEGIN(bugprone-macro-parentheses): T is a type
#define XR_DEFINE_KERNELS(T)                                                                              \
  XR_MULTIVERSION void position_sums(const Runs& r, const T* x, float* sums) {                            \
    for_position_strips(                                                                                  \
        r.period, [&](auto strip) __attribute__((always_inline)) { strip_sums(r, strip, x, sums); });     \
  }                                                                                                       \
  XR_MULTIVERSION void position_moments(const Runs& r, const T* x, const float* centre, float* residuals, \
                                        float* squares) {                                                 \
    for_position_strips(                                                                                  \
        r.period, [&](auto strip) __attribute__((always_inline)) {                                        \
          strip_moments(r, strip, x, centre, residuals, squares);                                         \
        });                                                                                               \
  }                                                                                                       \
  XR_MULTIVERSION void position_gradient_sums(const Runs& r, GradientMask mask, const T* x, const T* dy,  \
                                              const Normalisation& n, float* sum_dy, float* sum_dy_x) {   \
    masked_gradient_sums(r, mask, x, dy, n, sum_dy, sum_dy_x);                                            \
  }                                                                                                       \
  XR_MULTIVERSION void normalise(const Normalisation& n, Rectifier rectifier, std::int64_t period,        \
                                 std::int64_t gap, const T* x, T* __restrict y, std::int64_t count) {     \
    normalise_of(n, rectifier, period, gap, x, y, count);                                                 \
  }                                                                                                       \
  XR_MULTIVERSION void input_gradient(const InputGradient& g, GradientMask mask, std::int64_t period,     \
                                      std::int64_t gap, const T* x, const T* dy, T* __restrict dx,        \
                                      std::int64_t count) {                                               \
    input_gradient_of<false>(g, mask, period, gap, x, dy, dx, count);                                     \
  }                                                                                                       \
  XR_MULTIVERSION void add_input_gradient(const InputGradient& g, GradientMask mask, std::int64_t period, \
                                          std::int64_t gap, const T* x, const T* dy, T* __restrict dx,    \
                                          std::int64_t count) {                                           \
    input_gradient_of<true>(g, mask, period, gap, x, dy, dx, count);                                      \
  }
// NOLINTEND(bugprone-macro-parentheses)
XR_DEFINE_KERNELS(float)
XR_DEFINE_KERNELS(Bf16)
#undef XR_DEFINE_KERNELS

}  // namespace xr::kernels::cpu
