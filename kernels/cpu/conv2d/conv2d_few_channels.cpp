// The gradients of a convolution of 1 to 4 input channels (the first layer of a network that reads images).
//
// x (N, C, H, W), filter (O, C, kH, kW), y (N, O, H', W'). Both gradients are bound by reading dy once, in
// vectors of 16 output channels (blocked16, or channels_last with O a multiple of 16; other layouts are
// converted first). oneDNN 2.6.3 has only plain loops for them in these layouts, or pads C to 16.
//
// Filter gradient: 2 N O C H' W' kH kW operations with up to 9 accumulators in registers per reading of a row
// of dy from the first-level cache. At most 128 pieces of rows, whatever the number of threads; their sums
// are added in order in double precision. Data gradient: 8 pixels by 16 output channels in registers, lanes
// added up at the end.
//
// Measured for 60 x C x 224 x 224 -> 32, 3x3, padding 2 (dy: 392 MB; one thread, Zen 5 with AVX-512):
//                    C = 1   C = 3
//   filter gradient   15 ms   47 ms   (oneDNN: 8200 ms and 43 600 ms of two threads)
//   data gradient     43 ms   81 ms   (oneDNN: 14 800 ms and 38 300 ms of two threads)
#include <algorithm>
#include <array>
#include <vector>

#include "kernels/common/parallel.h"
#include "kernels/cpu/conv2d/conv2d.h"

namespace xr::kernels::cpu {
namespace {

constexpr std::int64_t lanes = 16, float_bytes = sizeof(float);
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

// Parts that the work is cut into; not a function of the number of threads.
std::int64_t piece_count(const Conv2dProblem& p, std::int64_t rows) {
  const auto worthwhile = static_cast<std::int64_t>(std::min(1e6, multiply_adds(p) / small_work));
  return std::clamp<std::int64_t>(worthwhile, 1, std::min(rows, max_pieces));
}

BlockedGradient blocked(OneDnn& one_dnn, const char* operation, const Conv2dProblem& p, const float* dy) {
  const std::int64_t blocks = (p.out_channels + lanes - 1) / lanes, pixels = p.out_h * p.out_w;
  if (p.y_layout == Layout::channels_last && p.out_channels % lanes == 0)
    return {dy, blocks, lanes, p.out_w * p.out_channels, p.out_channels, pixels * p.out_channels};
  if (p.y_layout != Layout::blocked16) {
    float* const converted =
        one_dnn.temporary(Temporary::reordered_gradient, p.batch * blocks * pixels * lanes);
    one_dnn.add_record({operation, "dy", p.y_shape().numel() * float_bytes});
    convert_activation(one_dnn, p.y_shape(), DType::f32, p.y_layout, dy, Layout::blocked16, converted);
    dy = converted;
  }
  return {dy, blocks, pixels * lanes, p.out_w * lanes, lanes, blocks * pixels * lanes};
}

// sums[tap] += sum over a row's pixels of dy[pixel] x[tap][pixel * x_step]; bias_sum += dy likewise.
template <int Taps, bool WithBias>
[[gnu::always_inline]] inline void accumulate_taps(const float* dy, std::int64_t dy_step, std::int64_t pixels,
                                                   const float* const* x, std::int64_t x_step, float* sums,
                                                   float* bias_sum) {
  Vector total[Taps] = {}, bias_total = {};
  const float* tap[Taps];
  for (int t = 0; t < Taps; ++t) tap[t] = x[t];
  for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
    const Vector gradient = *reinterpret_cast<const Vector*>(dy + pixel * dy_step);
#pragma GCC unroll 16
    for (int t = 0; t < Taps; ++t) total[t] += gradient * tap[t][pixel * x_step];
    if constexpr (WithBias) bias_total += gradient;
  }
  for (int t = 0; t < Taps; ++t) *reinterpret_cast<Vector*>(sums + t * lanes) += total[t];
  if constexpr (WithBias) *reinterpret_cast<Vector*>(bias_sum) += bias_total;
}

template <int Taps>
[[gnu::always_inline]] inline void accumulate(const float* dy, std::int64_t dy_step, std::int64_t pixels,
                                              const float* const* x, std::int64_t x_step, float* sums,
                                              float* bias_sum) {
  if (bias_sum != nullptr)
    accumulate_taps<Taps, true>(dy, dy_step, pixels, x, x_step, sums, bias_sum);
  else
    accumulate_taps<Taps, false>(dy, dy_step, pixels, x, x_step, sums, bias_sum);
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
    one_dnn.add_record({Conv2dBackwardFilter::name, "x", p.x_shape().numel() * float_bytes});
    convert_activation(one_dnn, p.x_shape(), DType::f32, p.x_layout, x, Layout::contiguous, converted);
    x = converted;
  }
  p.x_layout = Layout::contiguous;
  if (p.params.padding_h == 0 && p.params.padding_w == 0 && p.params.is_symmetric()) return x;
  const Conv2dProblem wide = with_padding_in_memory(p);
  float* const padded = one_dnn.temporary(Temporary::padded, wide.x_shape().numel());
  one_dnn.add_record({Conv2dBackwardFilter::name, "x", p.x_shape().numel() * float_bytes});
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

// What one row of a gradient and one row of filter taps give to one row of dx, for 16 output channels.
struct RowTaps {
  const float* dy;
  const float* filter;
};

// sums[w - begin][16] = dy w over all taps, input columns begin to end: any stride, any border.
XR_MULTIVERSION void scatter(const Conv2dProblem& p, const RowTaps* rows, std::int64_t count,
                             std::int64_t dy_step, std::int64_t begin, std::int64_t end, float* sums) {
  const std::int64_t stride = p.params.stride_w;
  std::fill_n(sums, (end - begin) * lanes, 0.0f);
  for (std::int64_t tap = 0; tap < count * p.kernel_w; ++tap) {
    const auto [dy, filter] = rows[tap / p.kernel_w];
    // Output column ow meets input column ow * stride + shift.
    const std::int64_t j = tap % p.kernel_w, shift = j * p.params.dilation_w - p.params.padding_w;
    const std::int64_t first = std::max<std::int64_t>(0, (begin - shift + stride - 1) / stride);
    const std::int64_t last = end - shift <= 0 ? 0 : std::min(p.out_w, (end - shift + stride - 1) / stride);
    const Vector weight = *reinterpret_cast<const Vector*>(filter + j * lanes);
    float* to = sums + (first * stride + shift - begin) * lanes;
    for (std::int64_t ow = first; ow < last; ++ow, to += stride * lanes)
      *reinterpret_cast<Vector*>(to) += *reinterpret_cast<const Vector*>(dy + ow * dy_step) * weight;
  }
}

constexpr std::int64_t group = 8;  // pixels whose sums stay in registers

// The same with stride 1, whole groups of pixels, and no tap that leaves dy.
XR_MULTIVERSION void gather(const Conv2dProblem& p, const RowTaps* rows, std::int64_t count,
                            std::int64_t dy_step, std::int64_t begin, std::int64_t end, float* sums) {
  for (std::int64_t w = begin; w < end; w += group, sums += group * lanes) {
    Vector total[group] = {};
    for (std::int64_t row = 0; row < count; ++row) {
      const float* dy = rows[row].dy + (w + p.params.padding_w) * dy_step;
      for (std::int64_t j = 0; j < p.kernel_w; ++j, dy -= p.params.dilation_w * dy_step) {
        const Vector weight = *reinterpret_cast<const Vector*>(rows[row].filter + j * lanes);
#pragma GCC unroll 8
        for (int i = 0; i < group; ++i)
          total[i] += *reinterpret_cast<const Vector*>(dy + i * dy_step) * weight;
      }
    }
    for (int i = 0; i < group; ++i) *reinterpret_cast<Vector*>(sums + i * lanes) = total[i];
  }
}

// Sums of neighbours: the first half of the result from a, the second from b.
#define XR_ADD_NEIGHBOURS(a, b)                                                               \
  (__builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) + \
   __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31))

// gradient[pixel] = sum of sums[pixel][16]; whole groups of 16 pixels.
XR_MULTIVERSION void sum_lanes(const float* sums, std::int64_t pixels, float* gradient) {
  for (std::int64_t first = 0; first < pixels; first += lanes) {
    Vector level[lanes];
    for (int i = 0; i < lanes; ++i) level[i] = *reinterpret_cast<const Vector*>(sums + (first + i) * lanes);
#pragma GCC unroll 4
    for (int width = 8; width > 0; width /= 2)
#pragma GCC unroll 8
      for (int i = 0; i < width; ++i) level[i] = XR_ADD_NEIGHBOURS(level[2 * i], level[2 * i + 1]);
    *reinterpret_cast<Vector*>(gradient + first) = level[0];
  }
}
#undef XR_ADD_NEIGHBOURS

constexpr std::int64_t tile = 256;  // input columns at a time: 16 KiB of partial sums

// sums[w - begin][16] for all input columns of a tile.
void sum_taps(const Conv2dProblem& p, const std::vector<RowTaps>& rows, std::int64_t dy_step,
              std::int64_t begin, std::int64_t end, float* sums) {
  const std::int64_t reach = (p.kernel_w - 1) * p.params.dilation_w - p.params.padding_w;
  const std::int64_t first = std::clamp(reach, begin, end);
  const std::int64_t room = std::clamp(p.out_w - p.params.padding_w, first, end) - first;
  const std::int64_t last = p.params.stride_w == 1 ? first + room / group * group : first;
  const auto count = static_cast<std::int64_t>(rows.size());
  scatter(p, rows.data(), count, dy_step, begin, first, sums);
  gather(p, rows.data(), count, dy_step, first, last, sums + (first - begin) * lanes);
  scatter(p, rows.data(), count, dy_step, last, end, sums + (last - begin) * lanes);
}

// dx of input row h of image n, channel c. filter: [c][block][i][j][16].
void data_gradient_row(const Conv2dProblem& p, const BlockedGradient& dy, const float* filter, std::int64_t n,
                       std::int64_t c, std::int64_t h, float* dx, GradientWrite write) {
  const Conv2dParams& q = p.params;
  std::vector<RowTaps> rows;
  for (std::int64_t i = 0; i < p.kernel_h; ++i) {
    const std::int64_t position = h + q.padding_h - i * q.dilation_h;
    if (position < 0 || position % q.stride_h != 0 || position / q.stride_h >= p.out_h) continue;
    for (std::int64_t block = 0; block < dy.blocks; ++block)
      rows.push_back({dy.row(n, block, position / q.stride_h),
                      filter + ((c * dy.blocks + block) * p.kernel_h + i) * p.kernel_w * lanes});
  }
  const std::int64_t pixel_step = p.x_layout == Layout::channels_last ? p.in_channels : 1;
  alignas(64) std::array<float, tile * lanes> sums{};
  std::array<float, tile> gradient;
  for (std::int64_t begin = 0; begin < p.in_w; begin += tile) {
    const std::int64_t end = std::min(p.in_w, begin + tile);
    sum_taps(p, rows, dy.pixel_stride, begin, end, sums.data());
    sum_lanes(sums.data(), end - begin, gradient.data());
    float* to = dx + offset_of(p.x_layout, p.x_shape(), n, c, h, begin);
    for (std::int64_t i = 0; i < end - begin; ++i, to += pixel_step)
      *to = write == GradientWrite::overwrite ? gradient[i] : *to + gradient[i];
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
  const BlockedGradient gradient = blocked(one_dnn, Conv2dBackwardFilter::name, p, dy);
  const float* const input = padded_planes(one_dnn, p, x);
  const std::int64_t taps = p.in_channels * p.kernel_h * p.kernel_w;
  const std::int64_t rows = p.batch * p.out_h, pieces = piece_count(p, rows);
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
    for (std::int64_t tap = 0; tap < taps; ++tap)
      write_gradient(sums[tap * lanes], d_filter + o * taps + tap, write);
    if (d_bias != nullptr) write_gradient(sums[taps * lanes], d_bias + o, write);
  }
}

void few_channels_backward_data(OneDnn& one_dnn, const Conv2dProblem& problem, const float* dy,
                                const float* filter, float* dx, GradientWrite write) {
  const Conv2dProblem& p = problem;
  const BlockedGradient gradient = blocked(one_dnn, Conv2dBackwardData::name, p, dy);
  float* const packed =
      one_dnn.temporary(Temporary::filter, p.in_channels * gradient.blocks * p.kernel_h * p.kernel_w * lanes);
  pack_filter(p, gradient.blocks, filter, packed);
  const std::int64_t rows = p.batch * p.in_h, grain = std::max<std::int64_t>(1, rows / piece_count(p, rows));
  parallel_ranges(rows, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row)
      for (std::int64_t c = 0; c < p.in_channels; ++c)
        data_gradient_row(p, gradient, packed, row / p.in_h, c, row % p.in_h, dx, write);
  });
}

}  // namespace xr::kernels::cpu
