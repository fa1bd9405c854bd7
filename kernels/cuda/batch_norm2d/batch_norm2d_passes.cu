// The passes of batch normalisation over whole tensors, with an optional ReLU or ReLU6 after it: y of x; the
// sums of dy and dy xhat; dx. Shapes: (N, C, H, W) in both layouts, or (N, C); x and dx may have further channels.
//
// Bytes with T = bytes of x: normalise 2 T, sums 2 T, dx 3 T (4 T when it accumulates; without statistics 2
// T); 3 to 6 operations per element. Bound by memory: 16 bytes per access, several of them in flight per
// thread, and the values per channel in registers, since a thread keeps its channels. Where the ReLU lets a
// value pass is found again from x by the expression of the forward pass, so no mask is stored.
#include "kernels/cuda/batch_norm2d/batch_norm2d.h"
#include "kernels/cuda/reduce.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

constexpr int pass_blocks = 16 * 148, sum_blocks = 4 * 148, pass_steps = 4;

template <class T, int Width, bool ChannelsLast, bool Rectified>
__global__ void __launch_bounds__(channel_threads)
    normalise_kernel(const T* x, ChannelWalk<ChannelsLast> walk, ChannelParameters parameters,
                     Rectifier rectifier, T* y) {
  const auto place = walk.template place<Width>();
  if (!place.inside) return;
  const auto normalisation = parameters.template load<Width, ChannelsLast>(place.channel);
  for_each_step<pass_steps>(place, [&](auto steps, int first, int distance) {
    Elements<T, Width> values[steps];
#pragma unroll
    for (int k = 0; k < steps; ++k)
      values[k] =
          Elements<T, Width>::load(x + walk.template x_offset<Width>(place.channel, first + k * distance));
#pragma unroll
    for (int k = 0; k < steps; ++k) {
#pragma unroll
      for (int i = 0; i < Width; ++i) {
        const float value = normalisation.of(values[k].value[i], i);
        values[k].value[i] = Rectified ? rectifier.of(value) : value;
      }
      values[k].store(y + walk.template offset<Width>(place.channel, first + k * distance));
    }
  });
}

/// dy where it counts.
template <bool Rectified, int Width>
[[nodiscard]] __device__ __forceinline__ float counted(const Normalisation<Width>& normalisation,
                                                       const Rectifier& rectifier, float x, float dy, int i) {
  return !Rectified || rectifier.passes(normalisation.of(x, i)) ? dy : 0.0f;
}

/// partials [2][piece][channel]: sums of dy and of dy xhat.
template <class T, int Width, bool ChannelsLast, bool Rectified>
__global__ void __launch_bounds__(channel_threads)
    gradient_sums_kernel(const T* x, const T* dy, ChannelWalk<ChannelsLast> walk,
                         ChannelParameters parameters, Rectifier rectifier, float* partials) {
  __shared__ SharedValues<Sums<float, 2 * Width>, channel_threads> shared;
  const auto place = walk.template place<Width>();
  auto sums = Sums<float, 2 * Width>::zero();
  if (place.inside) {
    const auto normalisation = parameters.template load<Width, ChannelsLast>(place.channel);
    for_each_step<pass_steps>(place, [&](auto steps, int first, int distance) {
      Elements<T, Width> values[steps], gradients[steps];
#pragma unroll
      for (int k = 0; k < steps; ++k) {
        const int step = first + k * distance;
        values[k] = Elements<T, Width>::load(x + walk.template x_offset<Width>(place.channel, step));
        gradients[k] = Elements<T, Width>::load(dy + walk.template offset<Width>(place.channel, step));
      }
#pragma unroll
      for (int k = 0; k < steps; ++k)
#pragma unroll
        for (int i = 0; i < Width; ++i) {
          const float value = values[k].value[i],
                      gradient =
                          counted<Rectified>(normalisation, rectifier, value, gradients[k].value[i], i);
          sums.value[i] += gradient;
          sums.value[Width + i] = fmaf(gradient, value - normalisation.mean[i], sums.value[Width + i]);
        }
    });
  }
  sums = combine_rows(sums, shared);
  if (threadIdx.y != 0 || !place.inside) return;
  float* to = partials + static_cast<std::int64_t>(place.piece) * walk.channels + place.channel;
  float* to_xhat = to + static_cast<std::int64_t>(walk.pieces) * walk.channels;
  if constexpr (ChannelsLast) {
    const auto deviations = PerChannel<Width>::template load<true>(parameters.deviation, place.channel);
    float sums_dy[Width], sums_xhat[Width];
#pragma unroll
    for (int i = 0; i < Width; ++i) {
      sums_dy[i] = sums.value[i];
      sums_xhat[i] = sums.value[Width + i] * parameters.inverse_std_of(deviations.value[i]);
    }
    store_floats(to, sums_dy);
    store_floats(to_xhat, sums_xhat);
  } else {
    for (int i = 1; i < Width; ++i) {
      sums.value[0] += sums.value[i];
      sums.value[Width] += sums.value[Width + i];
    }
    *to = sums.value[0];
    *to_xhat = sums.value[Width] * parameters.inverse_std(place.channel);
  }
}

/// Constant: the statistics are, so dx = scale dy, and x is needed for the ReLU alone.
template <class T, int Width, bool ChannelsLast, bool Rectified, bool Constant>
__global__ void __launch_bounds__(channel_threads)
    input_gradient_kernel(const T* x, const T* dy, ChannelWalk<ChannelsLast> walk,
                          ChannelParameters parameters, Rectifier rectifier, GradientMeans means, T* dx,
                          GradientWrite write) {
  constexpr bool needs_x = Rectified || !Constant;
  const auto place = walk.template place<Width>();
  if (!place.inside) return;
  const auto normalisation = parameters.template load<Width, ChannelsLast>(place.channel);
  PerChannel<Width> mean_dy{}, slope{};
  if constexpr (!Constant) {
    mean_dy = PerChannel<Width>::template load<ChannelsLast>(means.mean_dy, place.channel);
    slope = PerChannel<Width>::template load<ChannelsLast>(means.slope, place.channel);
  }
  constexpr int unroll = Width < 8 ? pass_steps : pass_steps / 2;
  for_each_step<unroll>(place, [&](auto steps, int first, int distance) {
    [[maybe_unused]] Elements<T, Width> values[steps];
    Elements<T, Width> gradients[steps];
    std::int64_t x_offset[steps];
#pragma unroll
    for (int k = 0; k < steps; ++k) {
      const int step = first + k * distance;
      x_offset[k] = walk.template x_offset<Width>(place.channel, step);
      if constexpr (needs_x) values[k] = Elements<T, Width>::load(x + x_offset[k]);
      gradients[k] = Elements<T, Width>::load(dy + walk.template offset<Width>(place.channel, step));
    }
#pragma unroll
    for (int k = 0; k < steps; ++k) {
#pragma unroll
      for (int i = 0; i < Width; ++i) {
        float& gradient = gradients[k].value[i];
        if constexpr (needs_x)
          gradient = counted<Rectified>(normalisation, rectifier, values[k].value[i], gradient, i);
        if constexpr (!Constant)
          gradient =
              (gradient - mean_dy.value[i]) - (values[k].value[i] - normalisation.mean[i]) * slope.value[i];
        gradient *= normalisation.scale[i];
      }
      gradients[k].write(dx + x_offset[k], write);
    }
  });
}

constexpr int finish_lanes = 32, finish_rows = 32;

struct GradientTarget {
  float* to;  ///< or null
  GradientWrite write;

  __device__ void store(int channel, double value) const {
    if (to != nullptr) Elements<float, 1>{{static_cast<float>(value)}}.write(to + channel, write);
  }
};

/// Adds up the pieces, finish_lanes channels per block, the pieces cut among rows of threads.
__global__ void __launch_bounds__(finish_lanes* finish_rows)
    finish_gradients_kernel(const float* partials, int pieces, int channels, double count,
                            ChannelParameters parameters, GradientTarget d_gamma, GradientTarget d_beta,
                            float* means) {
  __shared__ SharedValues<Sums<double, 2>, finish_lanes * finish_rows> shared;
  const int channel = static_cast<int>(blockIdx.x) * finish_lanes + static_cast<int>(threadIdx.x);
  const std::int64_t all = static_cast<std::int64_t>(pieces) * channels;
  auto sums = Sums<double, 2>::zero();
  if (channel < channels)
    for (int piece = static_cast<int>(threadIdx.y); piece < pieces; piece += static_cast<int>(blockDim.y)) {
      const std::int64_t slot = static_cast<std::int64_t>(piece) * channels + channel;
      sums.value[0] += static_cast<double>(partials[slot]);
      sums.value[1] += static_cast<double>(partials[all + slot]);
    }
  sums = combine_rows(sums, shared);
  if (threadIdx.y != 0 || channel >= channels) return;
  d_beta.store(channel, sums.value[0]);
  d_gamma.store(channel, sums.value[1]);
  means[channel] = static_cast<float>(sums.value[0] / count);
  means[channels + channel] =
      static_cast<float>(sums.value[1] * static_cast<double>(parameters.inverse_std(channel)) / count);
}

}  // namespace

ChannelParameters batch_parameters(const ConstView& gamma, const ConstView& beta, const ConstView& mean,
                                   const ConstView& inverse_std) {
  return {gamma.as<float>(), beta.as<float>(), mean.as<float>(), inverse_std.as<float>(), false, 0.0f};
}

ChannelParameters running_parameters(const BatchNormParams& params, const ConstView& gamma,
                                     const ConstView& beta, const ConstView& running_mean,
                                     const ConstView& running_var) {
  return {gamma.as<float>(), beta.as<float>(), running_mean.as<float>(), running_var.as<float>(), true,
          params.epsilon};
}

void normalise(KernelBackend& backend, const char* operation, const Rectifier& rectifier, const ConstView& x,
               const ChannelParameters& parameters, const View& y) {
  const ChannelExtents extents = channel_extents(operation, x, y.shape[1]);
  with_channel_vectors(
      operation, x, extents,
      [&](auto type, auto width, auto channels_last) {
        using T = decltype(type);
        const auto [walk, grid, block] =
            plan_channels<channels_last>(extents, width, pass_blocks, pass_steps);
        const auto kernel = rectifier.present ? normalise_kernel<T, width, channels_last, true>
                                              : normalise_kernel<T, width, channels_last, false>;
        backend.run({rectifier.present ? "batch_norm2d_relu_normalise" : "batch_norm2d_normalise", grid,
                     block, 0, static_cast<std::int64_t>(2 * y.bytes()), 3 * y.numel()},
                    kernel, x.as<T>(), walk, parameters, rectifier, y.as<T>());
      },
      y.data, parameters.gamma, parameters.beta, parameters.mean, parameters.deviation);
}

GradientMeans channel_gradients(KernelBackend& backend, const char* operation, const Rectifier& rectifier,
                                const ConstView& x, const ConstView& dy, const ChannelParameters& parameters,
                                const ParameterGradients& gradients) {
  const ChannelExtents extents = channel_extents(operation, x, dy.shape[1]);
  GradientMeans result{};
  with_channel_vectors(
      operation, x, extents,
      [&](auto type, auto width, auto channels_last) {
        using T = decltype(type);
        const auto [walk, grid, block] = plan_channels<channels_last>(extents, width, sum_blocks, pass_steps);
        const std::size_t sums = 2 * static_cast<std::size_t>(walk.pieces) * extents.channels;
        auto* partials =
            static_cast<float*>(backend.workspace((sums + 2 * extents.channels) * sizeof(float)));
        const auto kernel = rectifier.present ? gradient_sums_kernel<T, width, channels_last, true>
                                              : gradient_sums_kernel<T, width, channels_last, false>;
        backend.run({rectifier.present ? "batch_norm2d_relu_gradient_sums" : "batch_norm2d_gradient_sums",
                     grid, block, 0, static_cast<std::int64_t>(2 * dy.bytes()), 4 * dy.numel()},
                    kernel, x.as<T>(), dy.as<T>(), walk, parameters, rectifier, partials);
        float* means = partials + sums;
        finish_gradients(backend, partials, walk.pieces, extents.channels, extents.per_channel(), parameters,
                         gradients, means);
        result = {means, means + extents.channels};
      },
      dy.data, parameters.gamma, parameters.beta, parameters.mean, parameters.deviation);
  return result;
}

void finish_gradients(KernelBackend& backend, const float* partials, int pieces, int channels,
                      std::int64_t count, const ChannelParameters& parameters,
                      const ParameterGradients& gradients, float* means) {
  const auto target = [](const Gradient& gradient) {
    return GradientTarget{gradient.view.as<float>(), gradient.write};
  };
  const std::int64_t values = static_cast<std::int64_t>(2) * pieces * channels;
  backend.run(
      {"batch_norm2d_finish_gradients", static_cast<unsigned>(ceil_div(channels, finish_lanes)),
       dim3(finish_lanes, static_cast<unsigned>(std::min(pieces, finish_rows))), 0, 4 * values, values},
      finish_gradients_kernel, partials, pieces, channels, static_cast<double>(count), parameters,
      target(gradients.d_gamma), target(gradients.d_beta), means);
}

void input_gradient(KernelBackend& backend, const char* operation, const Rectifier& rectifier,
                    const ConstView& x, const ConstView& dy, const ChannelParameters& parameters,
                    const GradientMeans& means, const View& dx, GradientWrite write) {
  const ChannelExtents extents = channel_extents(operation, x, dy.shape[1]);
  const bool constant = means.mean_dy == nullptr;
  with_channel_vectors(
      operation, x, extents,
      [&](auto type, auto width, auto channels_last) {
        using T = decltype(type);
        const auto [walk, grid, block] =
            plan_channels<channels_last>(extents, width, pass_blocks, pass_steps);
        const auto kernel = rectifier.present ? input_gradient_kernel<T, width, channels_last, true, false>
                            : constant        ? input_gradient_kernel<T, width, channels_last, false, true>
                                              : input_gradient_kernel<T, width, channels_last, false, false>;
        const std::size_t tensors = (constant ? 2 : 3) + (write == GradientWrite::accumulate ? 1 : 0);
        backend.run(
            {rectifier.present ? "batch_norm2d_relu_input_gradient" : "batch_norm2d_input_gradient", grid,
             block, 0, static_cast<std::int64_t>(tensors * dy.bytes()), (constant ? 1 : 5) * dy.numel()},
            kernel, x.as<T>(), dy.as<T>(), walk, parameters, rectifier, means, dx.as<T>(), write);
      },
      dy.data, dx.data, parameters.gamma, parameters.beta, parameters.mean, parameters.deviation);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
