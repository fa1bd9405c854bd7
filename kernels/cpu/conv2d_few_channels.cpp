// The gradients of a convolution of 1 to 4 input channels (the first layer of a network that reads images).
//
// x (N, C, H, W), filter (O, C, kH, kW), y (N, O, H', W'). Both gradients are bound by reading dy once, in
// vectors of 16 output channels (blocked16, or channels_last with O a multiple of 16; other layouts are
// converted first).
#include <algorithm>
#include <array>
#include <vector>

#include "kernels/cpu/conv2d.h"
#include "kernels/cpu/parallel.h"

namespace xr::kernels::cpu {
namespace {

constexpr std::int64_t lanes = 16;
constexpr int max_taps = 9;               // accumulators that stay in registers
constexpr std::int64_t max_pieces = 128;  // partial filter gradients, summed in order afterwards

// 16 output channels; may lie anywhere.
using Vector = float __attribute__((vector_size(64), aligned(4), may_alias));

// dy as rows of pixels of 16 channels.
struct BlockedGradient {
  const float* data;
  std::int64_t blocks, block_stride, row_stride, pixel_stride, image_stride;

  [[nodiscard]] const float* row(std::int64_t n, std::int64_t block, std::int64_t h) const {
    return data + n * image_stride + block * block_stride + h * row_stride;
  }
};

BlockedGradient blocked(OneDnn& one_dnn, const Conv2dProblem& p, const float* dy) {
  const std::int64_t blocks = (p.out_channels + lanes - 1) / lanes, pixels = p.out_h * p.out_w;
  if (p.y_layout == Layout::channels_last && p.out_channels % lanes == 0)
    return {dy, blocks, lanes, p.out_w * p.out_channels, p.out_channels, pixels * p.out_channels};
  if (p.y_layout != Layout::blocked16) {
    float* const converted =
        one_dnn.temporary(Temporary::reordered_gradient, p.batch * blocks * pixels * lanes);
    convert_activation(one_dnn, p.y_shape(), p.y_layout, dy, Layout::blocked16, converted);
    dy = converted;
  }
  return {dy, blocks, pixels * lanes, p.out_w * lanes, lanes, blocks * pixels * lanes};
}

// sums[tap] += sum over a row's pixels of dy[pixel] x[tap][pixel * x_step]; bias_sum += dy likewise.
template <int taps, bool with_bias>
[[gnu::always_inline]] inline void accumulate_taps(const float* dy, std::int64_t dy_step, std::int64_t pixels,
                                                   const float* const* x, std::int64_t x_step, float* sums,
                                                   float* bias_sum) {
  Vector total[taps] = {}, bias_total = {};
  const float* tap[taps];
  for (int t = 0; t < taps; ++t) tap[t] = x[t];
  for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
    const Vector gradient = *reinterpret_cast<const Vector*>(dy + pixel * dy_step);
#pragma GCC unroll 16
    for (int t = 0; t < taps; ++t) total[t] += gradient * tap[t][pixel * x_step];
    if constexpr (with_bias) bias_total += gradient;
  }
  for (int t = 0; t < taps; ++t) *reinterpret_cast<Vector*>(sums + t * lanes) += total[t];
  if constexpr (with_bias) *reinterpret_cast<Vector*>(bias_sum) += bias_total;
}

template <int taps>
[[gnu::always_inline]] inline void accumulate(const float* dy, std::int64_t dy_step, std::int64_t pixels,
                                              const float* const* x, std::int64_t x_step, float* sums,
                                              float* bias_sum) {
  if (bias_sum != nullptr)
    accumulate_taps<taps, true>(dy, dy_step, pixels, x, x_step, sums, bias_sum);
  else
    accumulate_taps<taps, false>(dy, dy_step, pixels, x, x_step, sums, bias_sum);
}

XR_MULTIVERSION void accumulate_row(int taps, const float* dy, std::int64_t dy_step, std::int64_t pixels,
                                    const float* const* x, std::int64_t x_step, float* sums,
                                    float* bias_sum) {
  switch (taps) {
    case 1:
      return accumulate<1>(dy, dy_step, pixels, x, x_step, sums, bias_sum);
    case 2:
      return accumulate<2>(dy, dy_step, pixels, x, x_step, sums, bias_sum);
    case 3:
      return accumulate<3>(dy, dy_step, pixels, x, x_step, sums, bias_sum);
    case 4:
      return accumulate<4>(dy, dy_step, pixels, x, x_step, sums, bias_sum);
    case 5:
      return accumulate<5>(dy, dy_step, pixels, x, x_step, sums, bias_sum);
    case 6:
      return accumulate<6>(dy, dy_step, pixels, x, x_step, sums, bias_sum);
    case 7:
      return accumulate<7>(dy, dy_step, pixels, x, x_step, sums, bias_sum);
    case 8:
      return accumulate<8>(dy, dy_step, pixels, x, x_step, sums, bias_sum);
    default:
      return accumulate<max_taps>(dy, dy_step, pixels, x, x_step, sums, bias_sum);
  }
}

// The input with its padding in memory, row-major: no tap then leaves it.
const float* padded_planes(OneDnn& one_dnn, Conv2dProblem& p, const float* x) {
  if (p.x_layout != Layout::contiguous && p.in_channels > 1) {
    float* const converted = one_dnn.temporary(Temporary::reordered, p.x_shape().numel());
    convert_activation(one_dnn, p.x_shape(), p.x_layout, x, Layout::contiguous, converted);
    x = converted;
  }
  p.x_layout = Layout::contiguous;
  if (p.params.padding_h == 0 && p.params.padding_w == 0) return x;
  const Conv2dProblem wide = with_padding_in_memory(p);
  float* const padded = one_dnn.temporary(Temporary::padded, wide.x_shape().numel());
  pad_input(p, x, padded);
  p = wide;
  return padded;
}

// Adds the filter gradient of output row `row` (of all images) to sums[block][tap][16], the bias gradient to
// its last "tap". x has no padding left.
void add_row(const Conv2dProblem& p, const float* x, const BlockedGradient& dy, std::int64_t row,
             bool with_bias, float* sums) {
  const std::int64_t n = row / p.out_h, h = row % p.out_h;
  const std::int64_t taps = p.in_channels * p.kernel_h * p.kernel_w;
  for (std::int64_t first = 0; first < taps; first += max_taps) {
    std::array<const float*, max_taps> sources;
    const int count = static_cast<int>(std::min<std::int64_t>(max_taps, taps - first));
    for (int t = 0; t < count; ++t) {
      const std::int64_t tap = first + t, j = tap % p.kernel_w, i = tap / p.kernel_w % p.kernel_h;
      const std::int64_t plane = n * p.in_channels + tap / (p.kernel_w * p.kernel_h);
      const std::int64_t input_row = plane * p.in_h + h * p.params.stride_h + i * p.params.dilation_h;
      sources[t] = x + input_row * p.in_w + j * p.params.dilation_w;
    }
    for (std::int64_t block = 0; block < dy.blocks; ++block) {
      float* const block_sums = sums + block * (taps + 1) * lanes;
      accumulate_row(count, dy.row(n, block, h), dy.pixel_stride, p.out_w, sources.data(), p.params.stride_w,
                     block_sums + first * lanes,
                     with_bias && first == 0 ? block_sums + taps * lanes : nullptr);
    }
  }
}

void store(double value, float* destination, GradientWrite write) {
  const auto rounded = static_cast<float>(value);
  *destination = write == GradientWrite::overwrite ? rounded : *destination + rounded;
}

// row[pixel][lane] += dy w over the taps of one filter row; row starts at input column `begin`.
XR_MULTIVERSION void scatter_row(const float* dy, std::int64_t dy_step, const float* filter,
                                 std::int64_t kernel_w, std::int64_t out_w, std::int64_t stride,
                                 std::int64_t dilation, std::int64_t padding, std::int64_t begin,
                                 std::int64_t end, float* row) {
  for (std::int64_t j = 0; j < kernel_w; ++j) {
    // Output column ow meets input column ow * stride + shift.
    const std::int64_t shift = j * dilation - padding;
    const std::int64_t first = std::max<std::int64_t>(0, (begin - shift + stride - 1) / stride);
    const std::int64_t last = end - shift <= 0 ? 0 : std::min(out_w, (end - shift + stride - 1) / stride);
    const Vector weight = *reinterpret_cast<const Vector*>(filter + j * lanes);
    float* to = row + (first * stride + shift - begin) * lanes;
    for (std::int64_t ow = first; ow < last; ++ow, to += stride * lanes)
      *reinterpret_cast<Vector*>(to) += *reinterpret_cast<const Vector*>(dy + ow * dy_step) * weight;
  }
}

XR_MULTIVERSION void sum_lanes(const float* row, std::int64_t pixels, float* sums) {
  for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
    float half[8], quarter[4];
    for (int i = 0; i < 8; ++i) half[i] = row[pixel * lanes + i] + row[pixel * lanes + 8 + i];
    for (int i = 0; i < 4; ++i) quarter[i] = half[i] + half[4 + i];
    sums[pixel] = (quarter[0] + quarter[2]) + (quarter[1] + quarter[3]);
  }
}

constexpr std::int64_t tile = 256;  // input columns at a time: 16 KiB of partial sums

// dx of input row h of image n, channel c. filter: [c][block][i][j][16].
void data_gradient_row(const Conv2dProblem& p, const BlockedGradient& dy, const float* filter, std::int64_t n,
                       std::int64_t c, std::int64_t h, float* dx, GradientWrite write) {
  const Conv2dParams& q = p.params;
  alignas(64) std::array<float, tile * lanes> sums;
  std::array<float, tile> gradient;
  for (std::int64_t begin = 0; begin < p.in_w; begin += tile) {
    const std::int64_t end = std::min(p.in_w, begin + tile), pixels = end - begin;
    std::fill_n(sums.data(), pixels * lanes, 0.0f);
    for (std::int64_t i = 0; i < p.kernel_h; ++i) {
      const std::int64_t position = h + q.padding_h - i * q.dilation_h;
      if (position < 0 || position % q.stride_h != 0 || position / q.stride_h >= p.out_h) continue;
      for (std::int64_t block = 0; block < dy.blocks; ++block)
        scatter_row(dy.row(n, block, position / q.stride_h), dy.pixel_stride,
                    filter + ((c * dy.blocks + block) * p.kernel_h + i) * p.kernel_w * lanes, p.kernel_w,
                    p.out_w, q.stride_w, q.dilation_w, q.padding_w, begin, end, sums.data());
    }
    sum_lanes(sums.data(), pixels, gradient.data());
    for (std::int64_t w = begin; w < end; ++w) {
      float* const to = dx + offset_of(p.x_layout, p.x_shape(), n, c, h, w);
      *to = write == GradientWrite::overwrite ? gradient[w - begin] : *to + gradient[w - begin];
    }
  }
}

// (O, C, kH, kW) to [C][O / 16][kH][kW][16], zeros beyond the last output channel.
void pack_filter(const Conv2dProblem& p, std::int64_t blocks, const float* filter, float* packed) {
  const std::int64_t area = p.kernel_h * p.kernel_w;
  for (std::int64_t c = 0; c < p.in_channels; ++c)
    for (std::int64_t o = 0; o < blocks * lanes; ++o)
      for (std::int64_t k = 0; k < area; ++k)
        packed[((c * blocks + o / lanes) * area + k) * lanes + o % lanes] =
            o < p.out_channels ? filter[(o * p.in_channels + c) * area + k] : 0.0f;
}

}  // namespace

void few_channels_backward_filter(OneDnn& one_dnn, const Conv2dProblem& problem, const float* x,
                                  const float* dy, float* d_filter, float* d_bias, GradientWrite write) {
  Conv2dProblem p = problem;
  const BlockedGradient gradient = blocked(one_dnn, p, dy);
  const float* const input = padded_planes(one_dnn, p, x);
  const std::int64_t taps = p.in_channels * p.kernel_h * p.kernel_w;
  const std::int64_t rows = p.batch * p.out_h, pieces = std::min(rows, max_pieces);
  const std::int64_t size = gradient.blocks * (taps + 1) * lanes;
  float* const partial = one_dnn.temporary(Temporary::partial_sums, pieces * size);
  parallel_for(pieces, [&](std::int64_t piece) {
    float* const sums = partial + piece * size;
    std::fill_n(sums, size, 0.0f);
    for (std::int64_t row = rows * piece / pieces; row < rows * (piece + 1) / pieces; ++row)
      add_row(p, input, gradient, row, d_bias != nullptr, sums);
  });
  std::vector<double> total(static_cast<std::size_t>(size), 0.0);
  for (std::int64_t piece = 0; piece < pieces; ++piece)
    for (std::int64_t i = 0; i < size; ++i) total[i] += static_cast<double>(partial[piece * size + i]);
  for (std::int64_t o = 0; o < p.out_channels; ++o) {
    const double* const sums = total.data() + o / lanes * (taps + 1) * lanes + o % lanes;
    for (std::int64_t tap = 0; tap < taps; ++tap) store(sums[tap * lanes], d_filter + o * taps + tap, write);
    if (d_bias != nullptr) store(sums[taps * lanes], d_bias + o, write);
  }
}

void few_channels_backward_data(OneDnn& one_dnn, const Conv2dProblem& problem, const float* dy,
                                const float* filter, float* dx, GradientWrite write) {
  const Conv2dProblem& p = problem;
  const BlockedGradient gradient = blocked(one_dnn, p, dy);
  float* const packed =
      one_dnn.temporary(Temporary::filter, p.in_channels * gradient.blocks * p.kernel_h * p.kernel_w * lanes);
  pack_filter(p, gradient.blocks, filter, packed);
  parallel_for(p.batch * p.in_h, [&](std::int64_t row) {
    for (std::int64_t c = 0; c < p.in_channels; ++c)
      data_gradient_row(p, gradient, packed, row / p.in_h, c, row % p.in_h, dx, write);
  });
}

}  // namespace xr::kernels::cpu
