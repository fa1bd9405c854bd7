// Max pooling of (N, C, H, W), any window, stride and padding (at most half the window).
//
// Forward: y = the largest of the window; of equal values the first in row-major order wins, NaN wins over
// numbers, padding takes no part. The winner's position in the window is kept in 2, 4, 8 or 16 bits
// (argmax.h). Backward gathers: an input element adds the gradients of the windows over it that it has won,
// in row-major order; so overlapping windows need no atomics and the order of addition is fixed.
//
// Bytes with T = bytes of x, S = bytes of y and b bits per winner (f32: A = S b / 32): forward T + S + A,
// backward T (2 T when it accumulates) + S + A; one comparison for each position of each window. Bound by
// memory.
//
// channels_last with whole vectors of channels is the fast path: a thread takes the windows of 4 (f32) or 8
// (bf16) neighbouring channels, and the loops over 2x2 and 3x3 windows are unrolled, so that their loads are
// in flight together. Everything else takes one element at a time, and writes the winners that share a byte
// together. Backward, the variant `elements` has a thread for each element of x. The variant `tiles`,
// for 2x2 windows side by side without padding and whole vectors, has one for each window: it reads
// dy and the winner once instead of four times, and runs wherever it fits.
#include <limits>
#include <string_view>

#include "kernels/cuda/argmax.h"
#include "kernels/cuda/kernel_backend.h"
#include "kernels/cuda/pool2d.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

constexpr const char *elements_kernel = "max_pool2d_backward_elements",
                     *tiles_kernel = "max_pool2d_backward_tiles";

/// Size: the window is Size x Size; 0: any window.
template <class T, int Width, bool ChannelsLast, int Size>
struct MaxPoolForward {
  PoolGeometry<ChannelsLast> g;
  const T* x;
  T* y;
  std::uint8_t* argmax;
  int bits;
  std::int64_t outputs;

  /// The windows of Width neighbours in memory; where Width is 1, of those whose winners share a byte.
  __device__ void operator()(std::int64_t item) const {
    if constexpr (Width > 1) {
      int winner[Width];
      pool(item * Width, winner);
      store_winners(argmax, item * Width, Size > 0 ? argmax_bits(Size * Size) : bits, winner);
    } else {
      const int group = argmax_group(bits);
      const std::int64_t first = item * group, end = min(outputs, first + group);
      int together = 0;
      for (std::int64_t offset = first; offset < end; ++offset) {
        int winner[1];
        pool(offset, winner);
        together |= winner[0] << ((offset - first) * bits);
      }
      if (bits == 16)
        reinterpret_cast<std::uint16_t*>(argmax)[item] = static_cast<std::uint16_t>(together);
      else
        argmax[item] = static_cast<std::uint8_t>(together);
    }
  }

  __device__ __forceinline__ void pool(std::int64_t offset, int (&winner)[Width]) const {
    const Position at = g.out.position(offset);
    const IndexRange rows = g.vertical.taps(at.h), columns = g.horizontal.taps(at.w);
    const int top = at.h * g.vertical.stride - g.vertical.padding,
              left = at.w * g.horizontal.stride - g.horizontal.padding;
    const int height = g.vertical.template extent<Size>(), width = g.horizontal.template extent<Size>();
    Elements<T, Width> best;
#pragma unroll
    for (int i = 0; i < Width; ++i) {  // a window of -infinity has a winner, too
      best.value[i] = -std::numeric_limits<float>::infinity();
      winner[i] = rows.begin * width + columns.begin;
    }
#pragma unroll(Size > 0 ? Size : 1)
    for (int row = 0; row < height; ++row)
#pragma unroll(Size > 0 ? Size : 1)
      for (int column = 0; column < width; ++column) {
        if (row < rows.begin || row >= rows.end || column < columns.begin || column >= columns.end) continue;
        const auto values = Elements<T, Width>::load(x + g.in.offset({at.n, at.c, top + row, left + column}));
#pragma unroll
        for (int i = 0; i < Width; ++i) {
          const float value = values.value[i];
          const bool wins = value > best.value[i] || value != value;
          best.value[i] = wins ? value : best.value[i];
          winner[i] = wins ? row * width + column : winner[i];
        }
      }
    best.store(y + offset);
  }
};

/// Variant `elements`: an item is Width elements of x.
template <class T, int Width, bool ChannelsLast>
struct MaxPoolBackward {
  PoolGeometry<ChannelsLast> g;
  const T* dy;
  const std::uint8_t* argmax;
  int bits;
  T* dx;
  GradientWrite write;

  __device__ void operator()(std::int64_t item) const {
    const Position at = g.in.position(item * Width);
    const IndexRange rows = g.vertical.outputs_over(at.h), columns = g.horizontal.outputs_over(at.w);
    Elements<T, Width> sum{};
#pragma unroll 1  // mostly one window: nvcc would write four
    for (int row = rows.begin; row < rows.end; ++row)
#pragma unroll 1
      for (int column = columns.begin; column < columns.end; ++column) {
        const int tap = (at.h + g.vertical.padding - row * g.vertical.stride) * g.horizontal.kernel +
                        (at.w + g.horizontal.padding - column * g.horizontal.stride);
        const std::int64_t output = g.out.offset({at.n, at.c, row, column});
        int winner[Width];
        load_winners(argmax, output, bits, winner);
        const auto gradient = Elements<T, Width>::load(dy + output);
#pragma unroll
        for (int i = 0; i < Width; ++i) sum.value[i] += winner[i] == tap ? gradient.value[i] : 0.0f;
      }
    sum.write(dx + item * Width, write);
  }
};

/// Variant `tiles`, 2x2 windows side by side: an item is Width channels of a window, or of what is left of one at
/// the lower and right edges, which pooling dropped.
template <class T, int Width>
struct MaxPoolBackwardTiles {
  Activation<true> in, out, tiles;
  const T* dy;
  const std::uint8_t* argmax;
  T* dx;
  GradientWrite write;

  __device__ void operator()(std::int64_t item) const {
    const Position at = tiles.position(item * Width);
    Elements<T, Width> gradient{};
    int winner[Width] = {};
    if (at.h < out.height && at.w < out.width) {
      const std::int64_t output = out.offset(at);
      load_winners(argmax, output, 2, winner);
      gradient = Elements<T, Width>::load(dy + output);
    }
#pragma unroll
    for (int tap = 0; tap < 4; ++tap) {
      const int h = 2 * at.h + tap / 2, w = 2 * at.w + tap % 2;
      if (h >= in.height || w >= in.width) continue;
      Elements<T, Width> chosen;
#pragma unroll
      for (int i = 0; i < Width; ++i) chosen.value[i] = winner[i] == tap ? gradient.value[i] : 0.0f;
      chosen.write(dx + in.offset({at.n, at.c, h, w}), write);
    }
  }
};

struct ForwardCall {
  const ConstView& x;
  const View &y, &argmax;
  const Pool2dParams& params;
  int bits;
  LaunchPlan plan;
};

template <class T, int Width, bool ChannelsLast, int Size>
void forward(KernelBackend& backend, ForwardCall& call) {
  using Pool = MaxPoolForward<T, Width, ChannelsLast, Size>;
  const std::int64_t outputs = call.y.numel(),
                     items = Width > 1 ? outputs / Width : ceil_div(outputs, argmax_group(call.bits));
  call.plan.grid = blocks_for(items, elementwise_threads);
  backend.run(call.plan, for_each_kernel<Pool>,
              Pool{pool_geometry<ChannelsLast>(call.params, call.x.shape, call.y.shape), call.x.as<T>(),
                   call.y.as<T>(), call.argmax.as<std::uint8_t>(), call.bits, outputs},
              items);
}

template <class T, int Width, bool ChannelsLast>
void backward(KernelBackend& backend, LaunchPlan plan, const Pool2dParams& params, const ConstView& dy,
              const ConstView& argmax, const View& dx, GradientWrite write) {
  using Pool = MaxPoolBackward<T, Width, ChannelsLast>;
  const std::int64_t items = dx.numel() / Width;
  plan.kernel = elements_kernel;
  plan.grid = blocks_for(items, elementwise_threads);
  backend.run(
      plan, for_each_kernel<Pool>,
      Pool{pool_geometry<ChannelsLast>(params, dx.shape, dy.shape), dy.as<T>(), argmax.as<std::uint8_t>(),
           argmax_bits(params.kernel_h * params.kernel_w), dx.as<T>(), write},
      items);
}

template <class T, int Width>
void backward_tiles(KernelBackend& backend, LaunchPlan plan, const ConstView& dy, const ConstView& argmax,
                    const View& dx, GradientWrite write) {
  using Pool = MaxPoolBackwardTiles<T, Width>;
  const auto in = activation_of<true>(dx.shape);
  const Activation<true> tiles{in.channels, (in.height + 1) / 2, (in.width + 1) / 2};
  const std::int64_t items = dx.shape[0] * tiles.height * tiles.width * tiles.channels / Width;
  plan.kernel = tiles_kernel;
  plan.grid = blocks_for(items, elementwise_threads);
  backend.run(plan, for_each_kernel<Pool>,
              Pool{in, activation_of<true>(dy.shape), tiles, dy.as<T>(), argmax.as<std::uint8_t>(),
                   dx.as<T>(), write},
              items);
}

bool is_square(const Pool2dParams& p, std::int64_t size) {
  return p.kernel_h == size && p.kernel_w == size;
}

bool is_side_by_side(const Pool2dParams& p) {
  return is_square(p, 2) && p.stride_h == 2 && p.stride_w == 2 && p.padding_h == 0 && p.padding_w == 0;
}

/// The tiles where they fit, unless BackendOptions::variant names the other kernel.
bool runs_tiles(const KernelBackend& backend, const Pool2dParams& p) {
  return is_side_by_side(p) && backend.options().variant != "elements";
}

}  // namespace

std::size_t KernelBackend::max_pool2d_argmax_bytes(const Pool2dParams& params, const Shape& y) const {
  require_window("max_pool2d", params);
  const std::int64_t positions = params.kernel_h * params.kernel_w;
  return static_cast<std::size_t>(ceil_div(y.numel() * argmax_bits(positions), 8));
}

void KernelBackend::compute(const MaxPool2dForward& call) {
  constexpr const char* operation = "max_pool2d_forward";
  const std::size_t argmax_bytes = max_pool2d_argmax_bytes(call.params, call.y.shape);
  if (call.argmax.defined()) require_argmax(operation, call.argmax, argmax_bytes);
  if (call.y.numel() == 0) return;
  const View argmax =
      call.argmax.defined()
          ? call.argmax
          : View{{workspace(argmax_bytes), {static_cast<std::int64_t>(argmax_bytes)}, DType::u8, {}}};
  const std::int64_t positions = call.params.kernel_h * call.params.kernel_w;
  ForwardCall work{call.x,
                   call.y,
                   argmax,
                   call.params,
                   argmax_bits(positions),
                   {operation,
                    {},
                    elementwise_threads,
                    0,
                    static_cast<std::int64_t>(call.x.bytes() + call.y.bytes() + argmax_bytes),
                    call.y.numel() * positions}};
  with_activation_type(operation, call.x.dtype, [&](auto type) {
    with_layout(operation, call.x.layout, [&](auto channels_last) {
      using T = decltype(type);
      constexpr int width = vector_width<T>;
      if constexpr (channels_last) {
        if (channels_in_vectors<width>(call.x.shape[1], call.x.data, call.y.data, argmax.data)) {
          if (is_square(call.params, 2)) return forward<T, width, true, 2>(*this, work);
          if (is_square(call.params, 3)) return forward<T, width, true, 3>(*this, work);
          return forward<T, width, true, 0>(*this, work);
        }
      }
      forward<T, 1, channels_last, 0>(*this, work);
    });
  });
}

void KernelBackend::compute(const MaxPool2dBackward& call) {
  constexpr const char* operation = "max_pool2d_backward";
  const std::size_t argmax_bytes = max_pool2d_argmax_bytes(call.params, call.dy.shape);
  require_argmax(operation, call.argmax, argmax_bytes);
  if (call.dx.numel() == 0) return;
  const std::size_t writes = call.write == GradientWrite::accumulate ? 2 : 1;
  const LaunchPlan plan{operation,
                        {},
                        elementwise_threads,
                        0,
                        static_cast<std::int64_t>(call.dy.bytes() + argmax_bytes + writes * call.dx.bytes()),
                        call.dy.numel() * call.params.kernel_h * call.params.kernel_w};
  with_activation_type(operation, call.dx.dtype, [&](auto type) {
    with_layout(operation, call.dx.layout, [&](auto channels_last) {
      using T = decltype(type);
      constexpr int width = vector_width<T>;
      if constexpr (channels_last) {
        if (channels_in_vectors<width>(call.dx.shape[1], call.dx.data, call.dy.data, call.argmax.data)) {
          if (runs_tiles(*this, call.params))
            return backward_tiles<T, width>(*this, plan, call.dy, call.argmax, call.dx, call.write);
          return backward<T, width, true>(*this, plan, call.params, call.dy, call.argmax, call.dx,
                                          call.write);
        }
      }
      backward<T, 1, channels_last>(*this, plan, call.params, call.dy, call.argmax, call.dx, call.write);
    });
  });
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
