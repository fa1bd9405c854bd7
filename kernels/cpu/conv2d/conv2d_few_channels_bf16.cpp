// The filter gradient of 1 to 4 input channels in bf16 without AMX, y blocked16: d_filter = sum over pixels of dy x, two pixels
// of a row with an instruction of AVX512-BF16.
//
// Of each row of dy the pixels are interleaved in pairs, 16 channels in a vector. Of each row of x that it meets, `words` has
// two pixels that lie a stride apart in each element, so that a tap of two pixels of dy is one element. A kernel row's taps and
// two blocks of channels stay in registers. Pieces of rows have sums of their own, which are added in order.
//
// Operations: 2 N O C H' W' kH kW; bytes: x and dy once, in bf16, where conv2d_few_channels.cpp takes both widened.
#include <algorithm>

#include "kernels/common/parallel.h"
#include "kernels/cpu/avx512.h"
#include "kernels/cpu/conv2d/conv2d.h"

namespace xr::kernels::cpu {

#if XR_HAS_AVX512

namespace few_channels {
namespace {

using avx512::lanes;
using avx512::Pairs;
using avx512::Vector;
using avx512::Words;

constexpr std::int64_t max_pieces = 64, rows_of_piece = 16;
constexpr int max_taps = 7;  // of a kernel row that are in registers, with two blocks of channels

struct Plan {
  std::int64_t blocks, taps, rows, pieces;
  std::int64_t pairs;      // of pixels in a row of y
  std::int64_t pixels;     // of x that a row of words covers, padding included
  std::int64_t word_step;  // elements from a row of words to the next one

  explicit Plan(const Conv2dProblem& p)
      : blocks(p.out_channels / lanes),
        taps(p.in_channels * p.kernel_h * p.kernel_w),
        rows(p.batch * p.out_h),
        pieces(std::clamp<std::int64_t>(rows / rows_of_piece, 1, max_pieces)),
        pairs((p.out_w + 1) / 2),
        pixels((2 * pairs - 1) * p.params.stride_w + p.extent_w()),
        word_step((pixels + lanes - 1) / lanes * lanes) {}

  [[nodiscard]] std::int64_t sums_floats() const {
    return (taps + 1) * blocks * lanes;
  }  // and the bias gradient
  [[nodiscard]] std::int64_t gradient_vectors() const { return blocks * pairs; }
};

// Memory of a worker. row: of x with its padding, a vector more than plan.word_step and a stride.
struct Scratch {
  Words* gradients;
  std::uint32_t* words;
  std::uint16_t* row;
};

// [block][pair] of one row of dy; sums of its pixels are added to `bias`.
XR_AVX512_BF16 void interleave_gradients(const Plan& plan, const Conv2dProblem& p, const Bf16* dy,
                                         std::int64_t n, std::int64_t h, Words* to, float* bias) {
  for (std::int64_t block = 0; block < plan.blocks; ++block) {
    const Bf16* from = dy + ((n * plan.blocks + block) * p.out_h + h) * p.out_w * lanes;
    Vector total = avx512::load(bias + block * lanes);
    for (std::int64_t w = 0; w < p.out_w; w += 2, from += 2 * lanes) {
      const Words even = avx512::widened(&from->bits);
      const Words odd = w + 1 < p.out_w ? avx512::widened(&from[lanes].bits) : Words{};
      *to++ = even | odd << 16;
      total += reinterpret_cast<Vector>(even << 16) + reinterpret_cast<Vector>(odd << 16);
    }
    avx512::store(bias + block * lanes, total);
  }
}

// Of row `h` of a plane of x, which may lie outside: words[j] = x[j] and, in the upper half, x[j + stride], j with the padding.
XR_AVX512_BF16 void write_words(const Plan& plan, const Conv2dProblem& p, const Bf16* plane, std::int64_t h,
                                std::uint16_t* row, std::uint32_t* words) {
  if (h < 0 || h >= p.in_h) {
    std::fill_n(words, plan.word_step, 0u);
    return;
  }
  std::copy_n(reinterpret_cast<const std::uint16_t*>(plane + h * p.in_w),
              std::min(p.in_w, plan.pixels - p.params.padding_w), row + p.params.padding_w);
  for (std::int64_t j = 0; j < plan.word_step; j += lanes) {
    const Words low = avx512::widened(row + j);
    const Words high = avx512::widened(row + j + p.params.stride_w);
    _mm512_storeu_si512(words + j, reinterpret_cast<__m512i>(low | high << 16));
  }
}

// sums[tap][16 Vectors channels] += x dy over the pairs of a row, for `Taps` taps that lie tap_step elements apart.
template <int Taps, int Vectors>
XR_AVX512_BF16 void accumulate(const std::uint32_t* x, std::int64_t tap_step, std::int64_t pair_step,
                               const Words* dy, std::int64_t pairs, float* sums, std::int64_t sums_step) {
  Vector total[Taps][Vectors];
#pragma GCC unroll 8
  for (int t = 0; t < Taps; ++t)
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) total[t][v] = avx512::load(sums + t * sums_step + v * lanes);
  for (std::int64_t k = 0; k < pairs; ++k, x += pair_step) {
    Pairs gradients[Vectors];
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) gradients[v] = reinterpret_cast<Pairs>(dy[v * pairs + k]);
#pragma GCC unroll 8
    for (int t = 0; t < Taps; ++t) {
      const auto pixels = reinterpret_cast<Pairs>(Words{} + x[t * tap_step]);
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) total[t][v] = _mm512_dpbf16_ps(total[t][v], pixels, gradients[v]);
    }
  }
#pragma GCC unroll 8
  for (int t = 0; t < Taps; ++t)
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) avx512::store(sums + t * sums_step + v * lanes, total[t][v]);
}

using Accumulate = void (*)(const std::uint32_t*, std::int64_t, std::int64_t, const Words*, std::int64_t,
                            float*, std::int64_t);

Accumulate kernel_of(std::int64_t taps, bool two_blocks) {
  static constexpr Accumulate kernels[max_taps][2] = {
      {accumulate<1, 1>, accumulate<1, 2>}, {accumulate<2, 1>, accumulate<2, 2>},
      {accumulate<3, 1>, accumulate<3, 2>}, {accumulate<4, 1>, accumulate<4, 2>},
      {accumulate<5, 1>, accumulate<5, 2>}, {accumulate<6, 1>, accumulate<6, 2>},
      {accumulate<7, 1>, accumulate<7, 2>}};
  return kernels[taps - 1][two_blocks ? 1 : 0];
}

void add_row(const Plan& plan, const Conv2dProblem& p, const Bf16* x, const Bf16* dy, std::int64_t row,
             const Scratch& scratch, float* sums) {
  const std::int64_t n = row / p.out_h, h = row % p.out_h, channels = plan.blocks * lanes;
  interleave_gradients(plan, p, dy, n, h, scratch.gradients, sums + plan.taps * channels);
  for (std::int64_t c = 0; c < p.in_channels; ++c)
    for (std::int64_t i = 0; i < p.kernel_h; ++i) {
      const Bf16* const plane = x + (n * p.in_channels + c) * p.in_h * p.in_w;
      write_words(plan, p, plane, h * p.params.stride_h + i * p.params.dilation_h - p.params.padding_h,
                  scratch.row, scratch.words);
      float* const of_row = sums + (c * p.kernel_h + i) * p.kernel_w * channels;
      for (std::int64_t first = 0; first < p.kernel_w; first += max_taps)
        for (std::int64_t block = 0; block < plan.blocks; block += 2) {
          const auto kernel =
              kernel_of(std::min<std::int64_t>(max_taps, p.kernel_w - first), block + 1 < plan.blocks);
          kernel(scratch.words + first * p.params.dilation_w, p.params.dilation_w, 2 * p.params.stride_w,
                 scratch.gradients + block * plan.pairs, plan.pairs,
                 of_row + first * channels + block * lanes, channels);
        }
    }
}

void backward_filter(OneDnn& one_dnn, const Conv2dProblem& p, const Bf16* x, const Bf16* dy, float* d_filter,
                     float* d_bias, GradientWrite write) {
  const Plan plan(p);
  const std::int64_t size = plan.sums_floats(), workers = worker_count(plan.pieces),
                     row_halves = (plan.word_step + p.params.stride_w + 2 * lanes + 1) / 2 * 2,
                     scratch_floats = (plan.gradient_vectors() + 1) * lanes + plan.word_step +
                                      (row_halves / 2 + lanes - 1) / lanes * lanes;
  float* const sums = one_dnn.temporary(Temporary::partial_sums, plan.pieces * size);
  float* const memory = one_dnn.temporary(Temporary::transforms, workers * scratch_floats);
  const auto scratch_of = [&](std::int64_t worker) {
    Scratch scratch{};
    scratch.gradients = reinterpret_cast<Words*>(memory + worker * scratch_floats);
    scratch.words = reinterpret_cast<std::uint32_t*>(scratch.gradients + plan.gradient_vectors());
    scratch.row = reinterpret_cast<std::uint16_t*>(scratch.words + plan.word_step);
    return scratch;
  };
  for (std::int64_t worker = 0; worker < workers; ++worker)
    std::fill_n(scratch_of(worker).row, row_halves, std::uint16_t{0});
  parallel_for_workers(plan.pieces, [&](std::int64_t worker, std::int64_t piece) {
    const Scratch scratch = scratch_of(worker);
    std::fill_n(sums + piece * size, size, 0.0f);
    for (std::int64_t row = plan.rows * piece / plan.pieces; row < plan.rows * (piece + 1) / plan.pieces;
         ++row)
      add_row(plan, p, x, dy, row, scratch, sums + piece * size);
  });
  const std::int64_t channels = plan.blocks * lanes;
  for (std::int64_t o = 0; o < channels; ++o) {
    const auto total = [&](std::int64_t tap) {
      double result = 0;
      for (std::int64_t piece = 0; piece < plan.pieces; ++piece)
        result += static_cast<double>(sums[piece * size + tap * channels + o]);
      return result;
    };
    for (std::int64_t tap = 0; tap < plan.taps; ++tap)
      write_gradient(total(tap), d_filter + o * plan.taps + tap, write);
    if (d_bias != nullptr) write_gradient(total(plan.taps), d_bias + o, write);
  }
}

}  // namespace
}  // namespace few_channels

bool has_few_channels_in_bf16(const Conv2dProblem& p) {
  return p.activation == DType::bf16 && has_few_channels(p) && avx512::has_avx512_bf16() &&
         (p.x_layout == Layout::contiguous || p.in_channels == 1) && p.y_layout == Layout::blocked16;
}

void few_channels_backward_filter_in_bf16(OneDnn& one_dnn, const Conv2dProblem& problem, const Bf16* x,
                                          const Bf16* dy, float* d_filter, float* d_bias,
                                          GradientWrite write) {
  few_channels::backward_filter(one_dnn, problem, x, dy, d_filter, d_bias, write);
}

#else

bool has_few_channels_in_bf16(const Conv2dProblem&) {
  return false;
}
void few_channels_backward_filter_in_bf16(OneDnn&, const Conv2dProblem&, const Bf16*, const Bf16*, float*,
                                          float*, GradientWrite) {}

#endif

}  // namespace xr::kernels::cpu
