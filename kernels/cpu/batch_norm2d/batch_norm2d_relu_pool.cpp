// Batch normalisation + ReLU + 2x2 max pooling with stride 2, in blocked16 and channels_last.
//
// Rows and columns that pooling drops (odd extents) still belong to the batch statistics and get gradients.
// Forward: after the statistics (one pass over x) one pass reads x and writes y and one byte per output, the
// winner's place or `no_winner`; so backward needs neither y nor the ReLU's mask for dx.
// Backward: the sums for d_beta and d_gamma follow from y and dy; one pass then reads x, dy and the winners
// and writes dx. Bytes with T = bytes of x: forward 2 T + T/4 + T/16, backward T/2 + 2 T + T/4 + T/16.
//
// Measured on two Zen 5 cores that copy 72 GB/s: 60x32x226x226 forward 14.9 ms (61 GB/s), backward 19.1 ms
// (58 GB/s); 60x64x111x111 forward 7.3 ms, backward 10 ms. Reading x at the winners instead of y for d_gamma
// would touch nearly every line of x: T instead of T/4, about 4 ms more.
//
// Loops run over 16 lanes of a pixel with the winner as a 32-bit number, which gcc turns into one register
// each; the bytes are made and read by separate loops over whole rows.
#include "kernels/cpu/batch_norm2d/batch_norm2d_relu_pool.h"

#include <bit>
#include <cmath>
#include <type_traits>

#include "kernels/common/stream.h"
#include "kernels/cpu/elements.h"
#include "kernels/cpu/prefetch.h"

namespace xr::kernels::cpu {

namespace {

constexpr std::int64_t buffer_elements = 2 * max_pooled_lanes;

// One row of windows: pixels (2 p, 2 p + 1) of the rows `top` and `bottom`, `lanes` floats per pixel.
// `ahead`: floats from there to the rows that this thread reads next, which are prefetched (prefetch.h).
struct WindowRow {
  const float *top, *bottom;
  std::int64_t windows, lanes, ahead;
};

template <std::int64_t Lanes>
[[gnu::always_inline]] inline void pool_windows(const WindowRow& row, const float* __restrict mean,
                                                const float* __restrict scale, const float* __restrict beta,
                                                float* __restrict y, std::int32_t* __restrict winner) {
  const std::int64_t lanes = Lanes > 0 ? Lanes : row.lanes;
  const float* __restrict top = row.top, * __restrict bottom = row.bottom;
  for (std::int64_t p = 0; p < row.windows; ++p, top += 2 * lanes, bottom += 2 * lanes) {
    prefetch(top + row.ahead, 2 * lanes);
    prefetch(bottom + row.ahead, 2 * lanes);
    for (std::int64_t i = 0; i < lanes; ++i) {
      const float a = (top[i] - mean[i]) * scale[i] + beta[i],
                  b = (top[lanes + i] - mean[i]) * scale[i] + beta[i],
                  c = (bottom[i] - mean[i]) * scale[i] + beta[i],
                  d = (bottom[lanes + i] - mean[i]) * scale[i] + beta[i];
      float best = a;
      std::int32_t place = 0;
      place = b > best ? 1 : place;
      best = ((b > best) | (b != b)) ? b : best;
      place = c > best ? 2 : place;
      best = ((c > best) | (c != c)) ? c : best;
      place = d > best ? 3 : place;
      best = ((d > best) | (d != d)) ? d : best;
      y[p * lanes + i] = best < 0.0f ? 0.0f : best;
      winner[p * lanes + i] = best > 0.0f ? place : no_winner;
    }
  }
}

XR_MULTIVERSION void pool_row(const WindowRow& row, const float* mean, const float* scale, const float* beta,
                              float* y, std::int32_t* winner) {
  if (row.lanes == 16)
    pool_windows<16>(row, mean, scale, beta, y, winner);
  else
    pool_windows<0>(row, mean, scale, beta, y, winner);
}

XR_MULTIVERSION void narrow_places(const std::int32_t* __restrict winner, std::uint8_t* __restrict bytes,
                                   std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) bytes[i] = static_cast<std::uint8_t>(winner[i]);
}

XR_MULTIVERSION void widen_places(const std::uint8_t* __restrict bytes, std::int32_t* __restrict winner,
                                  std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) winner[i] = bytes[i];
}

struct ChannelGradient {
  const float *mean, *scale, *mean_dy, *slope;
};

template <std::int64_t Lanes>
[[gnu::always_inline]] inline void unpool_windows(const WindowRow& row, const ChannelGradient& g,
                                                  const float* __restrict dy,
                                                  const std::int32_t* __restrict winner,
                                                  float* __restrict dx_top, float* __restrict dx_bottom) {
  const std::int64_t lanes = Lanes > 0 ? Lanes : row.lanes;
  const float* __restrict top = row.top;
  const float* __restrict bottom = row.bottom;
  const float* __restrict mean = g.mean;
  const float* __restrict scale = g.scale;
  const float* __restrict mean_dy = g.mean_dy;
  const float* __restrict slope = g.slope;
  for (std::int64_t p = 0; p < row.windows; ++p) {
    const std::int64_t left = 2 * p * lanes, right = left + lanes;
    prefetch(top + left + row.ahead, 2 * lanes);
    prefetch(bottom + left + row.ahead, 2 * lanes);
    for (std::int64_t i = 0; i < lanes; ++i) {
      // Masks by arithmetic: with ?: gcc branches on the place and computes both sides of each branch.
      const auto gradient = std::bit_cast<std::int32_t>(dy[p * lanes + i]);
      const std::int32_t place = winner[p * lanes + i];
      const auto at = [&](std::int32_t k) { return std::bit_cast<float>(gradient & -(place == k)); };
      const float a = at(0) - mean_dy[i], b = at(1) - mean_dy[i], c = at(2) - mean_dy[i],
                  d = at(3) - mean_dy[i];
      dx_top[left + i] = scale[i] * (a - (top[left + i] - mean[i]) * slope[i]);
      dx_top[right + i] = scale[i] * (b - (top[right + i] - mean[i]) * slope[i]);
      dx_bottom[left + i] = scale[i] * (c - (bottom[left + i] - mean[i]) * slope[i]);
      dx_bottom[right + i] = scale[i] * (d - (bottom[right + i] - mean[i]) * slope[i]);
    }
  }
}

XR_MULTIVERSION void unpool_row(const WindowRow& row, const ChannelGradient& g, const float* dy,
                                const std::int32_t* winner, float* dx_top, float* dx_bottom) {
  if (row.lanes == 16)
    unpool_windows<16>(row, g, dy, winner, dx_top, dx_bottom);
  else
    unpool_windows<0>(row, g, dy, winner, dx_top, dx_bottom);
}

// Pixels that no window covers.
XR_MULTIVERSION void unpooled_pixels(const ChannelGradient& g, const float* __restrict x,
                                     float* __restrict dx, std::int64_t pixels, std::int64_t lanes) {
  for (std::int64_t p = 0; p < pixels; ++p)
    for (std::int64_t i = 0; i < lanes; ++i)
      dx[p * lanes + i] = g.scale[i] * ((0.0f - g.mean_dy[i]) - (x[p * lanes + i] - g.mean[i]) * g.slope[i]);
}

// Moves a finished buffer to dx.
void put(float* dx, const float* values, std::int64_t count, GradientWrite write, bool stream) {
  if (write == GradientWrite::accumulate)
    for (std::int64_t i = 0; i < count; ++i) dx[i] += values[i];
  else if (stream)
    stream_copy(dx, values, count);
  else
    std::copy(values, values + count, dx);
}

void put(Bf16* dx, const float* values, std::int64_t count, GradientWrite write, bool stream) {
  if (write == GradientWrite::accumulate) {
    update_elements(dx, count, 1, [&](float* to, std::int64_t first, std::int64_t piece) {
      for (std::int64_t i = 0; i < piece; ++i) to[i] += values[first + i];
    });
  } else {
    write_elements(stream, dx, count, 1, [&](float* to, std::int64_t first, std::int64_t piece) {
      std::copy_n(values + first, piece, to);
    });
  }
}

// Sums at the winners of one channel, read from x: image by image, so the order is fixed.
template <class T>
void sums_at_winners(const PooledShapes& s, std::int64_t channel, float mean, const T* x,
                     const std::uint8_t* winners, const T* dy, double& sum_dy, double& sum_dy_x) {
  const std::int64_t lane = channel % s.in.lanes, block = channel / s.in.lanes;
  std::vector<double> partial(static_cast<std::size_t>(2 * s.in.outer));
  parallel_for(s.in.outer, [&](std::int64_t image) {
    const std::int64_t plane = image * s.in.blocks + block;
    double *gradient = partial.data() + 2 * image, *product = gradient + 1;
    for (std::int64_t oh = 0; oh < s.out.height; ++oh)
      for (std::int64_t ow = 0; ow < s.out.width; ++ow) {
        const std::int64_t at = ((plane * s.out.height + oh) * s.out.width + ow) * s.out.lanes + lane;
        if (winners[at] == no_winner) continue;
        const std::int64_t h = 2 * oh + winners[at] / 2, w = 2 * ow + winners[at] % 2;
        const float value =
            to_float(x[((plane * s.in.height + h) * s.in.width + w) * s.in.lanes + lane]) - mean;
        const auto counted_gradient = static_cast<double>(to_float(dy[at]));
        *gradient += counted_gradient;
        *product += counted_gradient * static_cast<double>(value);
      }
  });
  sum_dy = sum_dy_x = 0;
  for (std::size_t image = 0; image < partial.size() / 2; ++image) {
    sum_dy += partial[2 * image];
    sum_dy_x += partial[2 * image + 1];
  }
}

}  // namespace

PooledShapes::PooledShapes(const char* operation, const ConstView& x, const ConstView& pooled) {
  XR_CHECK(x.layout != Layout::contiguous && x.shape[1] <= max_pooled_lanes,
           "{}: x is {} of the shape {}, the pooled tensor {}: with pooling both must be blocked16 or both "
           "channels_last with at most {} channels",
           operation, name_of(x.layout), x.shape.to_string(), name_of(pooled.layout), max_pooled_lanes);
  in = spatial_layout(x.shape, x.layout);
  out = spatial_layout(pooled.shape, pooled.layout);
}

template <class T>
void pooled_forward_pass(const PooledShapes& s, const ChannelParameters& parameters, const T* x,
                         const View& y, std::uint8_t* winners) {
  const bool stream = worth_streaming(static_cast<std::int64_t>(y.bytes()));
  // Rows of windows are twice as long; those of bf16 fit their buffers.
  const std::int64_t lanes = s.in.lanes,
                     strip = buffer_elements / (std::is_same_v<T, float> ? lanes : 2 * lanes);
  const std::int64_t rows_per_task = std::max<std::int64_t>(1, 65536 / (4 * s.out.width * lanes));
  T* out = y.as<T>();
  parallel_ranges(s.out.planes() * s.out.height, rows_per_task, [&](std::int64_t begin, std::int64_t end) {
    alignas(64) float values[buffer_elements];
    alignas(64) std::int32_t places[buffer_elements];
    alignas(64) std::uint8_t bytes[buffer_elements];
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t plane = row / s.out.height, oh = row % s.out.height;
      const std::int64_t channel = plane % s.in.blocks * lanes;
      const T* top = x + (plane * s.in.height + 2 * oh) * s.in.width * lanes;
      for (std::int64_t first = 0; first < s.out.width; first += strip) {
        const std::int64_t windows = std::min(strip, s.out.width - first), offset = 2 * first * lanes;
        const Floats<T> upper(top + offset, 2 * windows * lanes),
            lower(top + s.in.width * lanes + offset, 2 * windows * lanes);
        pool_row({upper.data(), lower.data(), windows, lanes, row + 1 < end ? 2 * s.in.width * lanes : 0},
                 parameters.mean.data() + channel, parameters.scale.data() + channel,
                 parameters.beta.data() + channel, values, places);
        const std::int64_t to = (row * s.out.width + first) * lanes, count = windows * lanes;
        put(out + to, values, count, GradientWrite::overwrite, stream);
        if (winners == nullptr) continue;
        narrow_places(places, bytes, count);
        if (stream)
          stream_copy(winners + to, bytes, count);
        else
          std::copy(bytes, bytes + count, winners + to);
      }
    }
    stream_fence();
  });
}

template <class T>
ChannelGradientSums pooled_gradient_sums(const PooledShapes& s, const ChannelParameters& parameters,
                                         const float* gamma, const float* inverse_std, const T* x, const T* y,
                                         const std::uint8_t* winners, const T* dy) {
  ChannelParameters pooled = parameters;
  pooled.mean = parameters.beta;  // so that the sums are of dy (y - beta)
  ChannelGradientSums sums = channel_gradient_sums(s.out, GradientMask::positive_x, y, dy, pooled);
  for (std::size_t c = 0; c < sums.dy.size(); ++c) {
    // (y - beta) / gamma carries y's rounding error, at most about 2^-24 (bf16: 2^-9) times |xhat| + 2 |beta / gamma|.
    const float size = std::fabs(gamma[c]);
    if (size > 1e-30f && std::fabs(parameters.beta[c]) <= 16.0f * size) {
      sums.dy_x[c] /= static_cast<double>(gamma[c]);
    } else {
      sums_at_winners(s, static_cast<std::int64_t>(c), parameters.mean[c], x, winners, dy, sums.dy[c],
                      sums.dy_x[c]);
      sums.dy_x[c] *= static_cast<double>(inverse_std[c]);
    }
  }
  return sums;
}

template <class T>
void pooled_backward_pass(const PooledShapes& s, const ChannelParameters& parameters,
                          const ChannelGradientSums& means, const T* x, const std::uint8_t* winners,
                          const T* dy, const View& dx, GradientWrite write) {
  const bool stream = worth_streaming(static_cast<std::int64_t>(dx.bytes()));
  const std::int64_t lanes = s.in.lanes, strip = buffer_elements / (2 * lanes);
  const std::int64_t row_elements = s.in.width * lanes, row_pairs = (s.in.height + 1) / 2;
  const std::vector<float> mean_dy(means.dy.begin(), means.dy.end()),
      slope(means.dy_x.begin(), means.dy_x.end());
  T* out = dx.as<T>();
  const std::int64_t pairs_per_task = std::max<std::int64_t>(1, 65536 / (2 * row_elements));
  parallel_ranges(s.in.planes() * row_pairs, pairs_per_task, [&](std::int64_t begin, std::int64_t end) {
    alignas(64) float upper[buffer_elements], lower[buffer_elements];
    alignas(64) std::int32_t places[buffer_elements / 2];
    for (std::int64_t pair = begin; pair < end; ++pair) {
      const std::int64_t plane = pair / row_pairs, oh = pair % row_pairs;
      const std::int64_t channel = plane % s.in.blocks * lanes;
      const ChannelGradient g{parameters.mean.data() + channel, parameters.scale.data() + channel,
                              mean_dy.data() + channel, slope.data() + channel};
      const std::int64_t row = (plane * s.in.height + 2 * oh) * row_elements;
      // Windows first, then what is left of the row or of both rows.
      const bool covered = oh < s.out.height;
      for (std::int64_t first = 0; covered && first < s.out.width; first += strip) {
        const std::int64_t windows = std::min(strip, s.out.width - first), offset = row + 2 * first * lanes,
                           from = ((plane * s.out.height + oh) * s.out.width + first) * lanes;
        widen_places(winners + from, places, windows * lanes);
        const Floats<T> top(x + offset, 2 * windows * lanes),
            bottom(x + offset + row_elements, 2 * windows * lanes), gradients(dy + from, windows * lanes);
        unpool_row({top.data(), bottom.data(), windows, lanes, pair + 1 < end ? 2 * row_elements : 0}, g,
                   gradients.data(), places, upper, lower);
        put(out + offset, upper, 2 * windows * lanes, write, stream);
        put(out + offset + row_elements, lower, 2 * windows * lanes, write, stream);
      }
      const std::int64_t rows = std::min<std::int64_t>(2, s.in.height - 2 * oh);
      for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t pixel = covered ? 2 * s.out.width : 0; pixel < s.in.width; pixel += 2 * strip) {
          const std::int64_t pixels = std::min(2 * strip, s.in.width - pixel),
                             offset = row + r * row_elements + pixel * lanes;
          unpooled_pixels(g, Floats<T>(x + offset, pixels * lanes).data(), upper, pixels, lanes);
          put(out + offset, upper, pixels * lanes, write, stream);
        }
    }
    stream_fence();
  });
}

template void pooled_forward_pass(const PooledShapes&, const ChannelParameters&, const float*, const View&,
                                  std::uint8_t*);
template ChannelGradientSums pooled_gradient_sums(const PooledShapes&, const ChannelParameters&, const float*,
                                                  const float*, const float*, const float*,
                                                  const std::uint8_t*, const float*);
template void pooled_backward_pass(const PooledShapes&, const ChannelParameters&, const ChannelGradientSums&,
                                   const float*, const std::uint8_t*, const float*, const View&,
                                   GradientWrite);
template void pooled_forward_pass(const PooledShapes&, const ChannelParameters&, const Bf16*, const View&,
                                  std::uint8_t*);
template ChannelGradientSums pooled_gradient_sums(const PooledShapes&, const ChannelParameters&, const float*,
                                                  const float*, const Bf16*, const Bf16*, const std::uint8_t*,
                                                  const Bf16*);
template void pooled_backward_pass(const PooledShapes&, const ChannelParameters&, const ChannelGradientSums&,
                                   const Bf16*, const std::uint8_t*, const Bf16*, const View&, GradientWrite);

}  // namespace xr::kernels::cpu
