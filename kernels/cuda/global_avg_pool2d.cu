// Global average pooling: (N, C, H, W) -> the means over H and W, (N, C). Backward: dx = dy / (H W).
//
// Bytes: forward x once and y, one addition per element; backward dx once (twice when it accumulates) and dy.
// Bound by memory. Forward has a block for each image and 32 vectors of channels (channels_last) or each
// plane (contiguous); its threads add up pixels far apart, and a tree in shared memory adds up the threads.
#include "kernels/common/checks.h"
#include "kernels/cuda/activation.h"
#include "kernels/cuda/kernel_backend.h"
#include "kernels/cuda/reduce.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

constexpr int pool_threads = 256, max_lanes = 32;

/// channels_last: blocks of lanes x rows threads, a lane being Width channels; slices of lanes make an image.
/// Contiguous: blocks of 1 x rows threads, slices = channels, Width neighbouring pixels at once.
template <class T, int Width, bool ChannelsLast>
__global__ void __launch_bounds__(pool_threads)
    global_avg_pool2d_kernel(const T* x, T* y, int channels, int pixels, int slices) {
  __shared__ SharedValues<Sums<float, Width>, pool_threads> shared;
  const Division image = divide(blockIdx.x, slices);
  const int channel =
      ChannelsLast ? (image.remainder * static_cast<int>(blockDim.x) + static_cast<int>(threadIdx.x)) * Width
                   : image.remainder;
  auto sums = Sums<float, Width>::zero();
  if (channel < channels) {
    const T* from = x + image.quotient * channels * pixels;
    const int steps = ChannelsLast ? pixels : pixels / Width;
#pragma unroll 4
    for (int step = static_cast<int>(threadIdx.y); step < steps; step += static_cast<int>(blockDim.y)) {
      const std::int64_t offset = ChannelsLast ? static_cast<std::int64_t>(step) * channels + channel
                                               : static_cast<std::int64_t>(channel) * pixels + step * Width;
      const auto values = Elements<T, Width>::load(from + offset);
#pragma unroll
      for (int i = 0; i < Width; ++i) sums.value[i] += values.value[i];
    }
  }
  sums = combine_rows(sums, shared);
  if (threadIdx.y != 0 || channel >= channels) return;
  T* to = y + image.quotient * channels + channel;
  const auto count = static_cast<float>(pixels);
  if constexpr (ChannelsLast) {
    for (int i = 0; i < Width; ++i) to[i] = from_float<T>(sums.value[i] / count);
  } else {
    float total = sums.value[0];
    for (int i = 1; i < Width; ++i) total += sums.value[i];
    *to = from_float<T>(total / count);
  }
}

/// An item is Width elements of dx: of neighbouring channels, or of one plane.
template <class T, int Width, bool ChannelsLast>
struct Spread {
  const T* dy;
  T* dx;
  int channels, pixels;
  GradientWrite write;

  __device__ void operator()(std::int64_t item) const {
    const std::int64_t index = item * Width;
    Elements<T, Width> values;
    if constexpr (ChannelsLast) {
      const Division pixel = divide(index, channels);
      values =
          Elements<T, Width>::load(dy + divide(pixel.quotient, pixels).quotient * channels + pixel.remainder);
    } else {
      const float share = to_float(dy[divide(index, pixels).quotient]);
#pragma unroll
      for (float& value : values.value) value = share;
    }
#pragma unroll
    for (float& value : values.value) value /= static_cast<float>(pixels);
    values.write(dx + index, write);
  }
};

struct Extents {
  std::int64_t images;
  int channels, pixels;
};

Extents extents_of(const ConstView& full) {
  return {full.shape[0], to_int(full.shape[1], "the number of channels"),
          to_int(full.shape[2] * full.shape[3], "the number of pixels")};
}

template <class T, int Width, bool ChannelsLast>
void forward(KernelBackend& backend, const Extents& extents, const ConstView& x, const View& y) {
  const auto [images, channels, pixels] = extents;
  const int vectors = ChannelsLast ? channels / Width : 1, lanes = std::min(vectors, max_lanes),
            slices = ChannelsLast ? static_cast<int>(ceil_div(vectors, lanes)) : channels;
  // Whole warps, but no more threads than there is work for.
  const int steps = ChannelsLast ? pixels : pixels / Width, max_rows = pool_threads / lanes;
  const int rows = ChannelsLast ? max_rows : std::min(max_rows, (steps + 127) / 128 * 32);
  backend.run(
      {"global_avg_pool2d_forward", static_cast<unsigned>(to_int(images * slices, "the number of blocks")),
       dim3(static_cast<unsigned>(lanes), static_cast<unsigned>(rows)), 0,
       static_cast<std::int64_t>(x.bytes() + y.bytes()), x.numel()},
      global_avg_pool2d_kernel<T, Width, ChannelsLast>, x.as<T>(), y.as<T>(), channels, pixels, slices);
}

template <class T, int Width, bool ChannelsLast>
void backward(KernelBackend& backend, const Extents& extents, const ConstView& dy, const View& dx,
              GradientWrite write) {
  using Backward = Spread<T, Width, ChannelsLast>;
  const std::int64_t items = dx.numel() / Width;
  const std::size_t writes = write == GradientWrite::accumulate ? 2 : 1;
  backend.run({"global_avg_pool2d_backward", blocks_for(items, elementwise_threads), elementwise_threads, 0,
               static_cast<std::int64_t>(writes * dx.bytes() + dy.bytes()), dx.numel()},
              for_each_kernel<Backward>,
              Backward{dy.as<T>(), dx.as<T>(), extents.channels, extents.pixels, write}, items);
}

}  // namespace

void KernelBackend::compute(const GlobalAvgPool2dForward& call) {
  const Extents extents = extents_of(call.x);
  with_activation_type("global_avg_pool2d_forward", call.x.dtype, [&](auto type) {
    with_layout("global_avg_pool2d_forward", call.x.layout, [&](auto channels_last) {
      using T = decltype(type);
      constexpr int width = vector_width<T>;
      if (channels_in_vectors<width>(channels_last ? extents.channels : extents.pixels, call.x.data))
        forward<T, width, channels_last>(*this, extents, call.x, call.y);
      else
        forward<T, 1, channels_last>(*this, extents, call.x, call.y);
    });
  });
}

void KernelBackend::compute(const GlobalAvgPool2dBackward& call) {
  const Extents extents = extents_of(call.dx);
  with_activation_type("global_avg_pool2d_backward", call.dx.dtype, [&](auto type) {
    with_layout("global_avg_pool2d_backward", call.dx.layout, [&](auto channels_last) {
      using T = decltype(type);
      constexpr int width = vector_width<T>;
      if (channels_in_vectors<width>(channels_last ? extents.channels : extents.pixels, call.dx.data,
                                     call.dy.data))
        backward<T, width, channels_last>(*this, extents, call.dy, call.dx, call.write);
      else
        backward<T, 1, channels_last>(*this, extents, call.dy, call.dx, call.write);
    });
  });
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
