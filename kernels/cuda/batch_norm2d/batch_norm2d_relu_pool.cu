// Batch normalisation + ReLU + 2x2 max pooling with stride 2 of (N, C, H, W), channels_last.
//
// Rows and columns that pooling drops (odd extents) still belong to the batch statistics and get gradients.
// Forward: after the statistics (one pass over x) one pass reads x and writes y and one byte per output, the
// winner's place or `no_winner`; so dx needs neither y nor the ReLU's mask. (3 bits would do: they would save
// a fiftieth of the traffic, and threads would have to share bytes where C is odd.) Backward: the sums of dy
// and dy xhat at the winners follow from y and dy alone, since there xhat = (y - beta) / gamma. This carries
// y's rounding error, about 2^-24 (|xhat| + |beta / gamma|) in f32 and 2^-9 in bf16; a channel whose |beta /
// gamma| is too large for that reads x at its winners instead. Then one pass reads x, dy and the winners and
// writes dx. Bytes with T = bytes of x: forward 2 T + T/4 + bytes of the winners (f32 T/16), backward T/2 + 2
// T + T/4 + T/16; about 4 operations per element and pass. Bound by memory. A thread takes a window of 4
// (f32) or 8 (bf16) channels.
#include "kernels/cuda/batch_norm2d/batch_norm2d.h"
#include "kernels/cuda/reduce.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

constexpr int pass_blocks = 16 * 148, sum_blocks = 4 * 148;

/// Width bytes at once.
template <int Width>
struct Winners {
  std::uint8_t place[Width];

  [[nodiscard]] __device__ __forceinline__ static Winners load(const std::uint8_t* from) {
    Winners result;
    if constexpr (Width == 8) {
      const uint2 packed = *reinterpret_cast<const uint2*>(from);
      memcpy(&result, &packed, sizeof packed);
    } else if constexpr (Width == 4) {
      const unsigned packed = *reinterpret_cast<const unsigned*>(from);
      memcpy(&result, &packed, sizeof packed);
    } else {
      result.place[0] = *from;
    }
    return result;
  }
  __device__ __forceinline__ void store(std::uint8_t* to) const {
    if constexpr (Width == 8) {
      uint2 packed;
      memcpy(&packed, this, sizeof packed);
      *reinterpret_cast<uint2*>(to) = packed;
    } else if constexpr (Width == 4) {
      unsigned packed;
      memcpy(&packed, this, sizeof packed);
      *reinterpret_cast<unsigned*>(to) = packed;
    } else {
      *to = place[0];
    }
  }
};

/// Image and place of window number `index` of a tensor of windows.
[[nodiscard]] __device__ __forceinline__ Position window_at(const Activation<true>& windows, int index,
                                                            int channel) {
  const Division row = divide(index, windows.width), image = divide(row.quotient, windows.height);
  return {static_cast<int>(image.quotient), channel, image.remainder, row.remainder};
}

/// Element `tap` (0 to 3, row by row) of a window.
[[nodiscard]] __device__ __forceinline__ Position tap_of(const Position& window, int tap) {
  return {window.n, window.c, 2 * window.h + tap / 2, 2 * window.w + tap % 2};
}

/// A step is a window. argmax may be null.
template <class T, int Width>
__global__ void __launch_bounds__(channel_threads)
    normalise_and_pool_kernel(const T* x, Activation<true> in, Activation<true> out, ChannelWalk<true> walk,
                              ChannelParameters parameters, T* y, std::uint8_t* argmax) {
  const auto place = walk.place<Width>();
  if (!place.inside) return;
  const auto normalisation = parameters.load<Width, true>(place.channel);
  for (int step = place.step; step < place.end; step += static_cast<int>(blockDim.y)) {
    const Position window = window_at(out, step, place.channel);
    Elements<T, Width> taps[4];
#pragma unroll
    for (int tap = 0; tap < 4; ++tap)
      taps[tap] = Elements<T, Width>::load(x + in.offset(tap_of(window, tap)));
    Elements<T, Width> best;
    Winners<Width> winners;
#pragma unroll
    for (int i = 0; i < Width; ++i) {
      float largest = normalisation.of(taps[0].value[i], i);
      int winner = 0;
#pragma unroll
      for (int tap = 1; tap < 4; ++tap) {
        const float value = normalisation.of(taps[tap].value[i], i);
        const bool wins = value > largest || value != value;  // NaN wins, of equals the first
        largest = wins ? value : largest;
        winner = wins ? tap : winner;
      }
      best.value[i] = largest < 0.0f ? 0.0f : largest;
      winners.place[i] = static_cast<std::uint8_t>(largest > 0.0f ? winner : no_winner);
    }
    const std::int64_t output = walk.offset<Width>(place.channel, step);
    best.store(y + output);
    if (argmax != nullptr) winners.store(argmax + output);
  }
}

/// Largest |beta / gamma| for which xhat is taken from y.
template <class T>
constexpr float largest_shift = sizeof(T) == 4 ? 16.0f : 2.0f;

/// partials [2][piece][channel]: sums of dy and of dy xhat at the winners. A step is a window.
template <class T, int Width>
__global__ void __launch_bounds__(channel_threads)
    pooled_gradient_sums_kernel(const T* x, const T* y, const std::uint8_t* argmax, const T* dy,
                                Activation<true> in, Activation<true> out, ChannelWalk<true> walk,
                                ChannelParameters parameters, float* partials) {
  __shared__ SharedValues<Sums<float, 2 * Width>, channel_threads> shared;
  const auto place = walk.place<Width>();
  auto sums = Sums<float, 2 * Width>::zero();
  if (place.inside) {
    float gamma[Width], beta[Width], mean[Width],
        factor[Width];  // xhat = (y - beta) factor, or (x - mean) factor
    bool from_y[Width];
    load_floats(parameters.gamma + place.channel, gamma);
    load_floats(parameters.beta + place.channel, beta);
    load_floats(parameters.mean + place.channel, mean);
#pragma unroll
    for (int i = 0; i < Width; ++i) {
      const float size = fabsf(gamma[i]);
      from_y[i] = size > 1e-30f && fabsf(beta[i]) <= largest_shift<T> * size;
      factor[i] = from_y[i] ? 1.0f / gamma[i] : parameters.inverse_std(place.channel + i);
    }
    for_each_step<4>(place, [&](auto steps, int first, int distance) {
      Elements<T, Width> values[steps], gradients[steps];
#pragma unroll
      for (int k = 0; k < steps; ++k) {
        const std::int64_t output = walk.offset<Width>(place.channel, first + k * distance);
        values[k] = Elements<T, Width>::load(y + output);
        gradients[k] = Elements<T, Width>::load(dy + output);
      }
#pragma unroll
      for (int k = 0; k < steps; ++k)
#pragma unroll
        for (int i = 0; i < Width; ++i) {
          if (!(values[k].value[i] > 0.0f)) continue;
          float distance_to_centre = values[k].value[i] - beta[i];
          if (!from_y[i]) {
            const int step = first + k * distance;
            const int winner = argmax[walk.offset<Width>(place.channel, step) + i];
            const Position window = window_at(out, step, place.channel + i);
            distance_to_centre = to_float(x[in.offset(tap_of(window, winner & 3))]) - mean[i];
          }
          sums.value[i] += gradients[k].value[i];
          sums.value[Width + i] = fmaf(gradients[k].value[i], distance_to_centre, sums.value[Width + i]);
        }
    });
#pragma unroll
    for (int i = 0; i < Width; ++i) sums.value[Width + i] *= factor[i];
  }
  sums = combine_rows(sums, shared);
  if (threadIdx.y != 0 || !place.inside) return;
  float* to = partials + static_cast<std::int64_t>(place.piece) * walk.channels + place.channel;
  float* to_xhat = to + static_cast<std::int64_t>(walk.pieces) * walk.channels;
  float sums_dy[Width], sums_xhat[Width];
#pragma unroll
  for (int i = 0; i < Width; ++i) {
    sums_dy[i] = sums.value[i];
    sums_xhat[i] = sums.value[Width + i];
  }
  store_floats(to, sums_dy);
  store_floats(to_xhat, sums_xhat);
}

/// A step is a window, or what is left of one at the lower and right edges, which pooling dropped.
template <class T, int Width>
__global__ void __launch_bounds__(channel_threads)
    pooled_input_gradient_kernel(const T* x, const std::uint8_t* argmax, const T* dy, Activation<true> in,
                                 Activation<true> out, Activation<true> tiles, ChannelWalk<true> walk,
                                 ChannelParameters parameters, GradientMeans means, T* dx,
                                 GradientWrite write) {
  const auto place = walk.place<Width>();
  if (!place.inside) return;
  const auto normalisation = parameters.load<Width, true>(place.channel);
  const auto mean_dy = PerChannel<Width>::template load<true>(means.mean_dy, place.channel),
             slope = PerChannel<Width>::template load<true>(means.slope, place.channel);
  for (int step = place.step; step < place.end; step += static_cast<int>(blockDim.y)) {
    const Position window = window_at(tiles, step, place.channel);
    Elements<T, Width> gradient{}, taps[4];
    Winners<Width> winners{};
    if (window.h < out.height && window.w < out.width) {
      const std::int64_t output = out.offset(window);
      gradient = Elements<T, Width>::load(dy + output);
      winners = Winners<Width>::load(argmax + output);
    }
#pragma unroll
    for (int tap = 0; tap < 4; ++tap) {
      const Position at = tap_of(window, tap);
      if (at.h < in.height && at.w < in.width) taps[tap] = Elements<T, Width>::load(x + in.offset(at));
    }
#pragma unroll
    for (int tap = 0; tap < 4; ++tap) {
      const Position at = tap_of(window, tap);
      if (at.h >= in.height || at.w >= in.width) continue;
#pragma unroll
      for (int i = 0; i < Width; ++i) {
        const float chosen = winners.place[i] == tap ? gradient.value[i] : 0.0f;
        taps[tap].value[i] =
            normalisation.scale[i] *
            ((chosen - mean_dy.value[i]) - (taps[tap].value[i] - normalisation.mean[i]) * slope.value[i]);
      }
      taps[tap].write(dx + in.offset(at), write);
    }
  }
}

/// Calls call(T(), std::integral_constant<int, Width>()).
template <class Call, class... Pointer>
void with_vectors(const char* operation, const ConstView& x, Call&& call, const Pointer*... addresses) {
  with_activation_type(operation, x.dtype, [&](auto type) {
    constexpr int width = vector_width<decltype(type)>;
    if (channels_in_vectors<width>(x.shape[1], x.data, addresses...))
      call(type, std::integral_constant<int, width>());
    else
      call(type, std::integral_constant<int, 1>());
  });
}

void require_channels_last(const char* operation, const ConstView& x) {
  XR_CHECK(x.layout == Layout::channels_last, "{}: x is {}: with pooling it must be channels_last", operation,
           name_of(x.layout));
}

/// A walk over the windows of so many images.
ChannelPlan<true> plan_windows(const Activation<true>& windows, std::int64_t images, int width, int blocks,
                               int steps) {
  return plan_channels<true>(windows.channels, images * windows.height * windows.width, 0, width, blocks,
                             steps);
}

}  // namespace

void normalise_and_pool(KernelBackend& backend, const char* operation, const ConstView& x,
                        const ChannelParameters& parameters, const View& y, std::uint8_t* argmax) {
  require_channels_last(operation, x);
  if (y.numel() == 0) return;
  const auto in = activation_of<true>(x.shape), out = activation_of<true>(y.shape);
  with_vectors(
      operation, x,
      [&](auto type, auto width) {
        using T = decltype(type);
        const auto [walk, grid, block] = plan_windows(out, x.shape[0], width, pass_blocks, 1);
        const std::size_t argmax_bytes = argmax != nullptr ? static_cast<std::size_t>(y.numel()) : 0;
        backend.run({"batch_norm2d_relu_pool_normalise", grid, block, 0,
                     static_cast<std::int64_t>(x.bytes() + y.bytes() + argmax_bytes), 4 * x.numel()},
                    normalise_and_pool_kernel<T, width>, x.as<T>(), in, out, walk, parameters, y.as<T>(),
                    argmax);
      },
      y.data, argmax, parameters.gamma, parameters.beta, parameters.mean, parameters.deviation);
}

GradientMeans pooled_channel_gradients(KernelBackend& backend, const char* operation, const ConstView& x,
                                       const ConstView& y, const std::uint8_t* argmax, const ConstView& dy,
                                       const ChannelParameters& parameters,
                                       const ParameterGradients& gradients) {
  require_channels_last(operation, x);
  const auto in = activation_of<true>(x.shape), out = activation_of<true>(y.shape);
  GradientMeans result{};
  with_vectors(
      operation, x,
      [&](auto type, auto width) {
        using T = decltype(type);
        const auto [walk, grid, block] = plan_windows(out, x.shape[0], width, sum_blocks, 4);
        const std::size_t sums = 2 * static_cast<std::size_t>(walk.pieces) * out.channels;
        auto* partials = static_cast<float*>(backend.workspace((sums + 2 * out.channels) * sizeof(float)));
        backend.run({"batch_norm2d_relu_pool_gradient_sums", grid, block, 0,
                     static_cast<std::int64_t>(2 * y.bytes()), 4 * y.numel()},
                    pooled_gradient_sums_kernel<T, width>, x.as<T>(), y.as<T>(), argmax, dy.as<T>(), in, out,
                    walk, parameters, partials);
        float* means = partials + sums;
        finish_gradients(backend, partials, walk.pieces, out.channels,
                         channel_extents(operation, x, x.shape[1]).per_channel(), parameters, gradients,
                         means);
        result = {means, means + out.channels};
      },
      y.data, dy.data, argmax, parameters.gamma, parameters.beta, parameters.mean);
  return result;
}

void pooled_input_gradient(KernelBackend& backend, const char* operation, const ConstView& x,
                           const std::uint8_t* argmax, const ConstView& dy,
                           const ChannelParameters& parameters, const GradientMeans& means, const View& dx,
                           GradientWrite write) {
  const auto in = activation_of<true>(x.shape), out = activation_of<true>(dy.shape);
  const Activation<true> tiles{in.channels, (in.height + 1) / 2, (in.width + 1) / 2};
  with_vectors(
      operation, x,
      [&](auto type, auto width) {
        using T = decltype(type);
        const auto [walk, grid, block] = plan_windows(tiles, x.shape[0], width, pass_blocks, 1);
        const std::size_t tensors = write == GradientWrite::accumulate ? 3 : 2;
        backend.run({"batch_norm2d_relu_pool_input_gradient", grid, block, 0,
                     static_cast<std::int64_t>(tensors * x.bytes() + dy.bytes()) + dy.numel(), 5 * x.numel()},
                    pooled_input_gradient_kernel<T, width>, x.as<T>(), argmax, dy.as<T>(), in, out, tiles,
                    walk, parameters, means, dx.as<T>(), write);
      },
      dy.data, dx.data, argmax, parameters.gamma, parameters.beta, parameters.mean, parameters.deviation);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
