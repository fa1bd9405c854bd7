// The filter gradient of depthwise convolutions. x (N, C, H, W), filter (C, 1, kH, kW), y (N, C, H', W'), f32 or bf16, both
// blocked16 or both channels_last with C a multiple of 16.
//
// d_filter[c][i][j] = sum over n, h, w of dy[n][c][h][w] x[n][c][h s + i d - p][w s + j d - p]: 2 N C H' W' kH kW
// operations; x and dy are read once. A task has 16 channels of some images: it copies a band of rows of x between
// zeros, as floats, into the second-level cache, and reads each row of dy kH times from the first-level one, with the taps
// of a filter's row in registers. Sums are floats within a band and double beyond.
//
// oneDNN 2.6.3 has a depthwise kernel for 3x3 filters alone. Others are computed as groups of 16 channels or as matrix
// products: 4 x 240 x 28 x 28, 5x5, takes it 98 ms in f32 and 121 ms in bf16 (one thread, AVX-512).
#include <algorithm>
#include <vector>

#include "kernels/common/bf16.h"
#include "kernels/common/checks.h"
#include "kernels/common/parallel.h"
#include "kernels/cpu/conv2d/conv2d.h"

namespace xr::kernels::cpu {
namespace {

constexpr std::int64_t channels_in_block = 16;
constexpr int max_row_taps = 7;                                       // accumulators that stay in registers
constexpr std::int64_t min_depthwise_tasks = 64;                      // whatever the number of threads
constexpr std::int64_t band_elements = std::int64_t{128} << 10 >> 2;  // 128 KiB of x

using Channels = float __attribute__((vector_size(64), aligned(64), may_alias));

// Pixels of 16 channels, one behind the other, as floats.
template <class T>
XR_MULTIVERSION void widen_pixels(const T* x, std::int64_t step, std::int64_t pixels, float* values) {
  for (std::int64_t p = 0; p < pixels; ++p)
    for (std::int64_t c = 0; c < channels_in_block; ++c)
      values[p * channels_in_block + c] = to_float(x[p * step + c]);
}

template <int Taps>
[[gnu::always_inline]] inline void add_row_taps(const float* dy, std::int64_t pixels, const float* x,
                                                std::int64_t x_step, std::int64_t tap_step, float* sums) {
  Channels total[Taps] = {};
  for (std::int64_t p = 0; p < pixels; ++p, x += x_step) {
    const Channels gradient = *reinterpret_cast<const Channels*>(dy + p * channels_in_block);
#pragma GCC unroll 8
    for (int t = 0; t < Taps; ++t)
      total[t] += gradient * *reinterpret_cast<const Channels*>(x + t * tap_step);
  }
  for (int t = 0; t < Taps; ++t) *reinterpret_cast<Channels*>(sums + t * channels_in_block) += total[t];
}

// sums[tap][16] += sum over pixels of dy[pixel] x[pixel x_step + tap tap_step].
XR_MULTIVERSION void add_row_of_taps(int taps, const float* dy, std::int64_t pixels, const float* x,
                                     std::int64_t x_step, std::int64_t tap_step, float* sums) {
  switch (taps) {
    case 1:
      return add_row_taps<1>(dy, pixels, x, x_step, tap_step, sums);
    case 2:
      return add_row_taps<2>(dy, pixels, x, x_step, tap_step, sums);
    case 3:
      return add_row_taps<3>(dy, pixels, x, x_step, tap_step, sums);
    case 4:
      return add_row_taps<4>(dy, pixels, x, x_step, tap_step, sums);
    case 5:
      return add_row_taps<5>(dy, pixels, x, x_step, tap_step, sums);
    case 6:
      return add_row_taps<6>(dy, pixels, x, x_step, tap_step, sums);
    default:
      return add_row_taps<max_row_taps>(dy, pixels, x, x_step, tap_step, sums);
  }
}

// How the work is cut, and where a block of channels lies.
struct DepthwisePlan {
  std::int64_t blocks, pieces;  // of the channels, of the batch
  std::int64_t pixel_step;      // from pixel to pixel of a block
  std::int64_t padded_w, band;  // elements of a row of x with padding; output rows of a band
  std::int64_t taps;

  explicit DepthwisePlan(const Conv2dProblem& p)
      : blocks(p.in_channels / channels_in_block),
        pieces(std::min(p.batch, (min_depthwise_tasks + blocks - 1) / blocks)),
        pixel_step(p.x_layout == Layout::channels_last ? p.in_channels : channels_in_block),
        padded_w(with_padding_in_memory(p).in_w * channels_in_block),
        band(std::clamp<std::int64_t>((band_elements / padded_w - p.extent_h()) / p.params.stride_h + 1, 1,
                                      p.out_h)),
        taps(p.kernel_h * p.kernel_w) {}

  [[nodiscard]] std::int64_t sums_size() const { return (taps + 1) * channels_in_block; }  // bias at the end
  [[nodiscard]] std::int64_t rows_of_x(const Conv2dProblem& p) const {
    return (band - 1) * p.params.stride_h + p.extent_h();
  }
  /// First element of row `h` of an image's block.
  [[nodiscard]] std::int64_t row(std::int64_t n, std::int64_t block, std::int64_t h, std::int64_t height,
                                 std::int64_t width) const {
    if (pixel_step == channels_in_block)
      return ((n * blocks + block) * height + h) * width * channels_in_block;
    return (n * height + h) * width * pixel_step + block * channels_in_block;
  }
};

// What a task computes with: a band of x with its padding, a row of dy, the sums of the band.
struct DepthwiseBuffers {
  float *band, *dy, *sums;
};

template <class T>
void copy_band(const Conv2dProblem& p, const DepthwisePlan& plan, const T* x, std::int64_t n,
               std::int64_t block, std::int64_t first_row, float* band) {
  const std::int64_t left = p.params.padding_w * channels_in_block, row = p.in_w * channels_in_block;
  for (std::int64_t r = 0; r < plan.rows_of_x(p); ++r, band += plan.padded_w) {
    const std::int64_t h = first_row + r;
    if (h < 0 || h >= p.in_h) {
      std::fill_n(band, plan.padded_w, 0.0f);
      continue;
    }
    std::fill_n(band, left, 0.0f);
    widen_pixels(x + plan.row(n, block, h, p.in_h, p.in_w), plan.pixel_step, p.in_w, band + left);
    std::fill(band + left + row, band + plan.padded_w, 0.0f);
  }
}

// Adds what the output rows [first, last) of an image's block give to totals[tap][16].
template <class T>
void add_band(const Conv2dProblem& p, const DepthwisePlan& plan, const T* x, const T* dy, std::int64_t n,
              std::int64_t block, std::int64_t first, std::int64_t last, const DepthwiseBuffers& buffers,
              double* totals) {
  const Conv2dParams& q = p.params;
  copy_band(p, plan, x, n, block, first * q.stride_h - q.padding_h, buffers.band);
  std::fill_n(buffers.sums, plan.sums_size(), 0.0f);
  for (std::int64_t h = first; h < last; ++h) {
    widen_pixels(dy + plan.row(n, block, h, p.out_h, p.out_w), plan.pixel_step, p.out_w, buffers.dy);
    for (std::int64_t i = 0; i < p.kernel_h; ++i) {
      const float* const row = buffers.band + ((h - first) * q.stride_h + i * q.dilation_h) * plan.padded_w;
      for (std::int64_t j = 0; j < p.kernel_w; j += max_row_taps)
        add_row_of_taps(static_cast<int>(std::min<std::int64_t>(max_row_taps, p.kernel_w - j)), buffers.dy,
                        p.out_w, row + j * q.dilation_w * channels_in_block, q.stride_w * channels_in_block,
                        q.dilation_w * channels_in_block,
                        buffers.sums + (i * p.kernel_w + j) * channels_in_block);
    }
    float* const bias = buffers.sums + plan.taps * channels_in_block;
    for (std::int64_t e = 0; e < p.out_w * channels_in_block; ++e)
      bias[e % channels_in_block] += buffers.dy[e];
  }
  for (std::int64_t e = 0; e < plan.sums_size(); ++e) totals[e] += static_cast<double>(buffers.sums[e]);
}

// totals[tap][16] of a block of channels over the images of a piece.
template <class T>
void sum_depthwise_piece(const Conv2dProblem& p, const DepthwisePlan& plan, const T* x, const T* dy,
                         std::int64_t block, std::int64_t piece, double* totals) {
  thread_local Workspace workspace;
  const std::int64_t band = plan.rows_of_x(p) * plan.padded_w, row = p.out_w * channels_in_block;
  float* const memory = workspace.floats(static_cast<std::size_t>(band + row + plan.sums_size()));
  const DepthwiseBuffers buffers{memory, memory + band, memory + band + row};
  std::fill_n(totals, plan.sums_size(), 0.0);
  for (std::int64_t n = p.batch * piece / plan.pieces; n < p.batch * (piece + 1) / plan.pieces; ++n)
    for (std::int64_t first = 0; first < p.out_h; first += plan.band)
      add_band(p, plan, x, dy, n, block, first, std::min(p.out_h, first + plan.band), buffers, totals);
}

// destination[channel of the block][i], i < count, = or += the sums of the pieces, in order.
void write_depthwise(const DepthwisePlan& plan, const double* totals, std::int64_t block, std::int64_t first,
                     std::int64_t count, float* destination, GradientWrite write) {
  for (std::int64_t c = 0; c < channels_in_block; ++c)
    for (std::int64_t i = 0; i < count; ++i) {
      double sum = 0;
      for (std::int64_t piece = 0; piece < plan.pieces; ++piece)
        sum += totals[(piece * plan.blocks + block) * plan.sums_size() + (first + i) * channels_in_block + c];
      float& to = destination[(block * channels_in_block + c) * count + i];
      to = write == GradientWrite::overwrite ? static_cast<float>(sum) : to + static_cast<float>(sum);
    }
}

}  // namespace

bool has_depthwise_backward_filter(const Conv2dProblem& p) {
  return p.params.groups > 1 && p.params.groups == p.in_channels && p.out_channels == p.in_channels &&
         p.in_channels % channels_in_block == 0 && p.x_layout == p.y_layout &&
         p.x_layout != Layout::contiguous;
}

void depthwise_backward_filter(OneDnn& one_dnn, const Conv2dProblem& problem, const void* x, const void* dy,
                               float* d_filter, float* d_bias, GradientWrite write) {
  const DepthwisePlan plan(problem);
  auto* const totals = reinterpret_cast<double*>(
      one_dnn.temporary(Temporary::total, 2 * plan.pieces * plan.blocks * plan.sums_size()));
  with_activation_type(Conv2dBackwardFilter::name, problem.activation, [&](auto type) {
    using T = decltype(type);
    parallel_for(plan.pieces * plan.blocks, [&](std::int64_t task) {
      sum_depthwise_piece(problem, plan, static_cast<const T*>(x), static_cast<const T*>(dy),
                          task % plan.blocks, task / plan.blocks, totals + task * plan.sums_size());
    });
  });
  for (std::int64_t block = 0; block < plan.blocks; ++block) {
    write_depthwise(plan, totals, block, 0, plan.taps, d_filter, write);
    if (d_bias != nullptr) write_depthwise(plan, totals, block, plan.taps, 1, d_bias, write);
  }
}

}  // namespace xr::kernels::cpu
