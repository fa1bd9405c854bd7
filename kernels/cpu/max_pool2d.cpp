// Max pooling, any window, stride and padding (at most half the window).
//
// Forward keeps for every output the winner's position in the window (row * kernel_w + column) in one byte,
// or in two where the window has more than 256 positions, if it is asked for it. Of equal values the first wins, NaN wins over
// numbers, padding takes no part. Backward gathers: each input row adds, for each output row over it, the
// gradients whose winner it holds; so overlapping windows need no atomics and the order of addition is fixed.
// Bytes moved: forward x + y + argmax, backward dy + argmax + dx.
//
// With AVX-512 lanes are taken in groups of 16 (max_pool2d_vectors.h). Otherwise forward takes an output through all taps with
// the best values in registers where lanes come in groups of 32 (most of channels_last; gcc 12 keeps 16 of them in scalars
// instead); elsewhere a tap is taken for a whole row, over buffers in the first-level cache. All take the taps of an output in
// the same order: the bytes are the same. Measured, groups of 32 beside rows: 2 x 64 x 112 x 112 in bf16, channels_last, 3x3
// windows with stride 2: 0.40 to 0.43 ms against 0.53 to 0.55 on one core.
#include <limits>

#include "kernels/common/checks.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/elements.h"
#include "kernels/cpu/max_pool2d_vectors.h"
#include "kernels/cpu/pool2d.h"

namespace xr::kernels::cpu {

namespace {

constexpr std::int64_t register_lanes = 32;

bool in_register_lanes(const PoolGeometry& g) {
  return g.in.lanes % register_lanes == 0;
}

using pool::OutputRow;

bool in_vectors(const PoolGeometry& g) {
  return avx512::has_avx512() && g.in.lanes % pool::lanes == 0;
}

template <bool HasWinner, class T, class Index>
[[gnu::always_inline]] inline void pool_one_window(const OutputRow& w, const T* __restrict x,
                                                   std::int64_t left, std::int64_t lane, T* __restrict y,
                                                   Index* __restrict argmax) {
  const std::int64_t first = std::max<std::int64_t>(0, -left), last = std::min(w.kernel_w, w.in_width - left);
  float best[register_lanes];
  std::int32_t winner[register_lanes];
  for (std::int64_t i = 0; i < register_lanes; ++i) {
    best[i] = -std::numeric_limits<float>::infinity();
    winner[i] = static_cast<std::int32_t>(w.first_tap + first);
  }
  for (std::int64_t row = 0; row < w.rows; ++row)
    for (std::int64_t column = first; column < last; ++column) {
      const T* const from = x + (row * w.in_width + left + column) * w.lanes + lane;
      const auto tap = static_cast<std::int32_t>(w.first_tap + row * w.kernel_w + column);
      for (std::int64_t i = 0; i < register_lanes; ++i) {
        const float value = to_float(from[i]);
        const bool take = (value > best[i]) | (value != value);
        best[i] = take ? value : best[i];
        if constexpr (HasWinner) winner[i] = take ? tap : winner[i];
      }
    }
  for (std::int64_t i = 0; i < register_lanes; ++i) {
    y[i] = from_float<T>(best[i]);
    if constexpr (HasWinner) argmax[i] = static_cast<Index>(winner[i]);
  }
}

template <bool HasWinner, class T, class Index>
XR_MULTIVERSION void pool_in_registers(const OutputRow& w, const T* x, T* y, Index* argmax) {
  for (std::int64_t column = 0; column < w.out_width; ++column)
    for (std::int64_t lane = 0; lane < w.lanes; lane += register_lanes) {
      const std::int64_t to = column * w.lanes + lane;
      pool_one_window<HasWinner>(w, x, column * w.stride_w - w.padding_w, lane, y + to,
                                 HasWinner ? argmax + to : nullptr);
    }
}

// `winner` may be null; `HasWinner` tells.
template <bool HasWinner, std::int64_t Lanes, class T>
[[gnu::always_inline]] inline void take_larger_lanes(const T* __restrict x, std::int64_t step,
                                                     std::int64_t pixels, std::int64_t lanes,
                                                     std::int32_t tap, float* __restrict best,
                                                     std::int32_t* __restrict winner) {
  const std::int64_t n = Lanes > 0 ? Lanes : lanes;
  for (std::int64_t p = 0; p < pixels; ++p)
    for (std::int64_t i = 0; i < n; ++i) {
      const float value = to_float(x[p * step + i]), old = best[p * n + i];
      const bool take = (value > old) | (value != value);
      best[p * n + i] = take ? value : old;
      if constexpr (HasWinner) winner[p * n + i] = take ? tap : winner[p * n + i];
    }
}

// One tap of the window for a strip of outputs: best and winner [pixels][lanes], x at `step` per pixel.
template <bool HasWinner, class T>
XR_MULTIVERSION void take_larger(const T* x, std::int64_t step, std::int64_t pixels, std::int64_t lanes,
                                 std::int32_t tap, float* best, std::int32_t* winner) {
  if (lanes == 16)
    take_larger_lanes<HasWinner, 16>(x, step, pixels, lanes, tap, best, winner);
  else if (lanes == 1)
    take_larger_lanes<HasWinner, 1>(x, step, pixels, lanes, tap, best, winner);
  else
    take_larger_lanes<HasWinner, 0>(x, step, pixels, lanes, tap, best, winner);
}

template <class Index>
[[gnu::always_inline]] inline void narrow_to(const std::int32_t* __restrict winner, Index* __restrict argmax,
                                             std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) argmax[i] = static_cast<Index>(winner[i]);
}
XR_MULTIVERSION void narrow(const std::int32_t* winner, std::uint8_t* argmax, std::int64_t count) {
  narrow_to(winner, argmax, count);
}
XR_MULTIVERSION void narrow(const std::int32_t* winner, std::uint16_t* argmax, std::int64_t count) {
  narrow_to(winner, argmax, count);
}

template <class T, class Index>
XR_MULTIVERSION void select(const T* __restrict dy, const Index* __restrict argmax, Index tap,
                            float* __restrict chosen, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) chosen[i] = argmax[i] == tap ? to_float(dy[i]) : 0.0f;
}

// Every output starts from its first tap inside the image, so that a window of -infinity has a winner too.
void start_strip(const PoolGeometry& g, IndexRange columns, std::int64_t first_row, std::int64_t lanes,
                 float* best, std::int32_t* winner) {
  std::fill(best, best + columns.count() * lanes, -std::numeric_limits<float>::infinity());
  if (winner == nullptr) return;
  for (std::int64_t ow = columns.begin; ow < columns.end; ++ow, winner += lanes)
    std::fill(winner, winner + lanes,
              static_cast<std::int32_t>(first_row * g.params.kernel_w + g.taps_of_column(ow).begin));
}

template <bool HasWinner, class T, class Index>
void forward_row(const PoolGeometry& g, std::int64_t plane, std::int64_t oh, const T* x, T* y,
                 Index* argmax) {
  if (in_vectors(g) || in_register_lanes(g)) {
    const IndexRange taps = g.taps_of_row(oh);
    const Pool2dParams& p = g.params;
    const std::int64_t row = plane * g.in.height + oh * p.stride_h - p.padding_h + taps.begin,
                       to = (plane * g.out.height + oh) * g.out.width * g.out.lanes;
    const OutputRow windows{taps.begin * p.kernel_w,
                            taps.count(),
                            p.kernel_w,
                            p.stride_w,
                            p.padding_w,
                            g.in.width,
                            g.out.width,
                            g.in.lanes};
    const auto pool_row =
        in_vectors(g) ? pool::pool_row<HasWinner, T, Index> : pool_in_registers<HasWinner, T, Index>;
    return pool_row(windows, x + row * g.in.width * g.in.lanes, y + to, HasWinner ? argmax + to : nullptr);
  }
  alignas(64) float best[pool_buffer];
  alignas(64) std::int32_t winner[pool_buffer];
  const IndexRange rows = g.taps_of_row(oh);
  const std::int64_t top = oh * g.params.stride_h - g.params.padding_h, pixel_stride = g.in.lanes;
  for_each_strip(g.out, [&](IndexRange columns, std::int64_t lane, std::int64_t lanes) {
    start_strip(g, columns, rows.begin, lanes, best, HasWinner ? winner : nullptr);
    for (std::int64_t kh = rows.begin; kh < rows.end; ++kh) {
      const T* row = x + ((plane * g.in.height + top + kh) * g.in.width) * pixel_stride + lane;
      for (std::int64_t kw = 0; kw < g.params.kernel_w; ++kw) {
        const IndexRange valid = g.columns_with(kw, columns);
        const std::int64_t start = (valid.begin - columns.begin) * lanes;
        if (valid.count() > 0)
          take_larger<HasWinner>(row + g.column_of(valid.begin, kw) * pixel_stride,
                                 g.params.stride_w * pixel_stride, valid.count(), lanes,
                                 static_cast<std::int32_t>(kh * g.params.kernel_w + kw), best + start,
                                 winner + start);
      }
    }
    // A strip of all lanes is contiguous in y; one of some lanes is a single pixel wide.
    const std::int64_t to = ((plane * g.out.height + oh) * g.out.width + columns.begin) * g.out.lanes + lane;
    put_floats(y + to, best, columns.count() * lanes);
    if constexpr (HasWinner) narrow(winner, argmax + to, columns.count() * lanes);
  });
}

// row: the gradients of row h of a plane of the input, in float.
template <class T, class Index>
void backward_row(const PoolGeometry& g, std::int64_t plane, std::int64_t h, const T* dy, const Index* argmax,
                  float* row) {
  alignas(64) float chosen[pool_buffer];
  const IndexRange over = g.rows_over(h);
  for (std::int64_t oh = over.begin; oh < over.end; ++oh) {
    const std::int64_t kh = h + g.params.padding_h - oh * g.params.stride_h;
    for_each_strip(g.out, [&](IndexRange columns, std::int64_t lane, std::int64_t lanes) {
      for (std::int64_t kw = 0; kw < g.params.kernel_w; ++kw) {
        const IndexRange valid = g.columns_with(kw, columns);
        if (valid.count() == 0) continue;
        const std::int64_t from =
            ((plane * g.out.height + oh) * g.out.width + valid.begin) * g.out.lanes + lane;
        const std::int64_t tap = kh * g.params.kernel_w + kw, step = g.params.stride_w * g.in.lanes;
        float* const to = row + g.column_of(valid.begin, kw) * g.in.lanes + lane;
        if (in_vectors(g) && lanes % pool::lanes == 0) {
          pool::add_selected(dy + from, argmax + from, tap, valid.count(), lanes, to, step);
          continue;
        }
        select(dy + from, argmax + from, static_cast<Index>(tap), chosen, valid.count() * lanes);
        add_pixels(chosen, lanes, to, step, valid.count(), lanes);
      }
    });
  }
}

template <class T, class Index>
void forward(const PoolGeometry& g, const MaxPool2dForward& call) {
  const T* in = call.x.as<T>();
  T* out = call.y.as<T>();
  Index* argmax = call.argmax.as<Index>();
  if (argmax == nullptr)
    for_each_row(g.out, [&](std::int64_t plane, std::int64_t oh) {
      forward_row<false>(g, plane, oh, in, out, argmax);
    });
  else
    for_each_row(g.out, [&](std::int64_t plane, std::int64_t oh) {
      forward_row<true>(g, plane, oh, in, out, argmax);
    });
}

template <class T, class Index>
void backward(const PoolGeometry& g, const MaxPool2dBackward& call) {
  const T* gradient = call.dy.as<T>();
  const Index* argmax = call.argmax.as<Index>();
  add_to_rows(g.in, call.write, call.dx.as<T>(), [&](std::int64_t plane, std::int64_t h, float* row) {
    backward_row(g, plane, h, gradient, argmax, row);
  });
}

bool one_byte(const Pool2dParams& params) {
  return params.kernel_h * params.kernel_w <= 256;
}

}  // namespace

std::size_t CpuBackend::max_pool2d_argmax_bytes(const Pool2dParams& params, const Shape& y) const {
  require_window("max_pool2d", params);
  return static_cast<std::size_t>(y.numel()) * (one_byte(params) ? 1 : 2);
}

void CpuBackend::compute(const MaxPool2dForward& call) {
  const PoolGeometry g(call.params, call.x, call.y);
  if (call.argmax.defined())
    require_argmax(call.name, call.argmax, max_pool2d_argmax_bytes(call.params, call.y.shape));
  with_activation_type(call.name, call.x.dtype, [&](auto type) {
    using T = decltype(type);
    one_byte(call.params) ? forward<T, std::uint8_t>(g, call) : forward<T, std::uint16_t>(g, call);
  });
}

void CpuBackend::compute(const MaxPool2dBackward& call) {
  const PoolGeometry g(call.params, call.dx, call.dy);
  require_argmax(call.name, call.argmax, max_pool2d_argmax_bytes(call.params, call.dy.shape));
  with_activation_type(call.name, call.dx.dtype, [&](auto type) {
    using T = decltype(type);
    one_byte(call.params) ? backward<T, std::uint8_t>(g, call) : backward<T, std::uint16_t>(g, call);
  });
}

}  // namespace xr::kernels::cpu
