// Dropout: y = x * factor, where the factor is 0 for elements whose random number is below the probability
// and 1 / (1 - probability) otherwise (Srivastava et al., JMLR 2014; scaled in training as PyTorch does).
//
// The random number belongs to the element's logical index (or to n C + c for whole channels), so the mask is
// the same in every layout, and backward draws it again instead of reading it. Bytes per f32 element: 8 (12
// when it accumulates). A Philox block, some 80 integer operations, serves 4 consecutive indices: in order of
// memory for a contiguous tensor; in channels_last a thread takes 4 neighbouring pixels of its 4 (f32) or 8
// (bf16) channels. Where a run of 4 does not begin with a block (a plane of odd extents, an odd offset) two
// blocks are drawn for it.
#include "kernels/common/checks.h"
#include "kernels/common/random.h"
#include "kernels/cuda/activation.h"
#include "kernels/cuda/kernel_backend.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

/// Which draws fall below the probability.
struct Mask {
  std::uint64_t seed, stream, offset;
  const std::uint64_t* offset_on_device;  ///< or null
  float probability, kept_scale;

  [[nodiscard]] __device__ bool is_dropped(std::uint32_t word) const {
    return uniform_float(word) < probability;
  }
  [[nodiscard]] __device__ float factor(bool dropped) const { return dropped ? 0.0f : kept_scale; }

  /// Bit i of the result: is draw number first + i dropped? Count is 1 or a multiple of 4.
  template <int Count>
  [[nodiscard]] __device__ __forceinline__ unsigned dropped(std::int64_t first) const {
    const std::uint64_t start = offset_on_device != nullptr ? offset + *offset_on_device : offset;
    const std::uint64_t draw = start + static_cast<std::uint64_t>(first), block = draw / 4;
    const int skip = static_cast<int>(draw % 4);
    if constexpr (Count == 1) {
      const PhiloxBlock words = philox(seed, stream, block);
      std::uint32_t word = words.word[0];
#pragma unroll
      for (int i = 1; i < 4; ++i) word = skip == i ? words.word[i] : word;
      return is_dropped(word) ? 1u : 0u;
    } else {
      const int blocks = skip == 0 ? Count / 4 : Count / 4 + 1;
      std::uint64_t bits = 0;
      for (int b = 0; b < blocks; ++b) {
        const PhiloxBlock words = philox(seed, stream, block + static_cast<unsigned>(b));
#pragma unroll
        for (int i = 0; i < 4; ++i)
          bits |= static_cast<std::uint64_t>(is_dropped(words.word[i])) << (4 * b + i);
      }
      return static_cast<unsigned>(bits >> skip);
    }
  }
};

/// Contiguous.
template <class T>
struct DropInOrder {
  Mask mask;
  const T* x;
  T* y;
  GradientWrite write;

  template <int Width>
  __device__ void at(std::int64_t index) const {
    const unsigned dropped = mask.dropped<Width>(index);
    auto values = Elements<T, Width>::load(x + index);
#pragma unroll
    for (int i = 0; i < Width; ++i) values.value[i] *= mask.factor(dropped >> i & 1u);
    values.write(y + index, write);
  }
};

constexpr int run = 4;  // neighbouring pixels that share Philox blocks

/// channels_last: an item is Width channels of `run` pixels of an image.
template <class T, int Width>
struct DropPixels {
  Mask mask;
  const T* x;
  T* y;
  GradientWrite write;
  int channels, pixels, runs;  ///< pixels and runs of them of an image

  __device__ void operator()(std::int64_t item) const {
    const Division vector = divide(item, channels / Width), image = divide(vector.quotient, runs);
    const int channel = vector.remainder * Width, pixel = image.remainder * run;
    unsigned dropped[Width];
    for (int i = 0; i < Width; ++i)
      dropped[i] = mask.dropped<run>((image.quotient * channels + channel + i) * pixels + pixel);
    const std::int64_t first = (image.quotient * pixels + pixel) * channels + channel;
#pragma unroll
    for (int p = 0; p < run; ++p) {
      if (pixel + p >= pixels) break;
      auto values = Elements<T, Width>::load(x + first + static_cast<std::int64_t>(p) * channels);
#pragma unroll
      for (int i = 0; i < Width; ++i) values.value[i] *= mask.factor(dropped[i] >> p & 1u);
      values.write(y + first + static_cast<std::int64_t>(p) * channels, write);
    }
  }
};

/// Whole channels: an item is Width elements, of one plane or, in channels_last, of neighbouring channels.
template <class T, int Width, bool ChannelsLast>
struct DropChannels {
  Mask mask;
  const T* x;
  T* y;
  GradientWrite write;
  int channels, pixels;

  __device__ void operator()(std::int64_t item) const {
    const std::int64_t index = item * Width;
    auto values = Elements<T, Width>::load(x + index);
    unsigned dropped = 0;
    if constexpr (ChannelsLast) {
      const Division pixel = divide(index, channels);
      const std::int64_t image = divide(pixel.quotient, pixels).quotient;
      dropped = mask.dropped<Width>(image * channels + pixel.remainder);
    } else {
      dropped = mask.dropped<1>(divide(index, pixels).quotient) != 0 ? ~0u : 0u;
    }
#pragma unroll
    for (int i = 0; i < Width; ++i) values.value[i] *= mask.factor(dropped >> i & 1u);
    values.write(y + index, write);
  }
};

struct Call {
  KernelBackend& backend;
  LaunchPlan plan;
  Mask mask;
  const ConstView& x;
  const View& y;
  GradientWrite write;
  int channels, pixels;  ///< pixels of an image

  template <class T>
  void in_order() {
    constexpr int width = vector_width<T>;
    const std::int64_t count = x.numel(), vectors = whole_vectors<width>(count, x.data, y.data);
    plan.grid = elementwise_blocks<width>(vectors, count);
    backend.run(plan, elementwise_kernel<width, DropInOrder<T>>,
                DropInOrder<T>{mask, x.as<T>(), y.as<T>(), write}, vectors, count);
  }
  template <class T, int Width>
  void by_pixels() {
    const int runs = static_cast<int>(ceil_div(pixels, run));
    const std::int64_t items = x.shape[0] * runs * channels / Width;
    plan.grid = blocks_for(items, elementwise_threads);
    backend.run(plan, for_each_kernel<DropPixels<T, Width>>,
                DropPixels<T, Width>{mask, x.as<T>(), y.as<T>(), write, channels, pixels, runs}, items);
  }
  template <class T, int Width, bool ChannelsLast>
  void by_channels() {
    using Drop = DropChannels<T, Width, ChannelsLast>;
    const std::int64_t items = x.numel() / Width;
    plan.kernel = "dropout_whole_channels";
    plan.grid = blocks_for(items, elementwise_threads);
    backend.run(plan, for_each_kernel<Drop>, Drop{mask, x.as<T>(), y.as<T>(), write, channels, pixels},
                items);
  }
};

}  // namespace

void KernelBackend::compute(const Dropout& call) {
  if (call.x.numel() == 0) return;
  const bool accumulate = call.write == GradientWrite::accumulate;
  const float kept_scale = call.params.probability < 1.0f ? 1.0f / (1.0f - call.params.probability) : 0.0f;
  Call work{*this,
            {"dropout",
             {},
             elementwise_threads,
             0,
             static_cast<std::int64_t>((accumulate ? 3 : 2) * call.x.bytes()),
             (accumulate ? 2 : 1) * call.x.numel()},
            {call.params.seed, call.params.stream, call.params.offset, call.params.offset_on_device,
             call.params.probability, kept_scale},
            call.x,
            call.y,
            call.write,
            1,
            1};
  if (call.x.shape.rank() >= 2) {
    work.channels = to_int(call.x.shape[1], "the number of channels");
    work.pixels = to_int(call.x.numel() / (call.x.shape[0] * call.x.shape[1]), "the number of pixels");
  }
  with_activation_type("dropout", call.x.dtype, [&](auto type) {
    with_layout("dropout", call.x.layout, [&](auto channels_last) {
      using T = decltype(type);
      constexpr int width = vector_width<T>;
      if (!channels_last && !call.params.whole_channels) return work.in_order<T>();
      const bool vectors =
          channels_in_vectors<width>(channels_last ? work.channels : work.pixels, call.x.data, call.y.data);
      if (call.params.whole_channels)
        return vectors ? work.by_channels<T, width, channels_last>()
                       : work.by_channels<T, 1, channels_last>();
      return vectors ? work.by_pixels<T, width>() : work.by_pixels<T, 1>();
    });
  });
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
