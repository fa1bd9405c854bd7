// The passes of batch normalisation, shared by batch_norm2d.cu, batch_norm2d_relu.cu and
// batch_norm2d_relu_pool.cu. Sums run over the N, H and W of a channel.
#pragma once

#include <limits>

#include "kernels/cuda/channels.h"
#include "kernels/cuda/kernel_backend.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

template <int Width>
struct Normalisation {
  float mean[Width], scale[Width], beta[Width];

  /// y of x, the same bits wherever it is computed.
  [[nodiscard]] __device__ __forceinline__ float of(float x, int i) const {
    return fmaf(x - mean[i], scale[i], beta[i]);
  }
};

/// Per-channel arrays on the device: y = (x - mean) scale + beta with scale = gamma inverse_std.
struct ChannelParameters {
  const float *gamma, *beta;  ///< beta: or null, where it is not needed
  const float *mean, *deviation;
  bool is_variance;  ///< deviation holds variances instead of 1 / sqrt(variance + epsilon)
  float epsilon;

  [[nodiscard]] __device__ float inverse_std(int channel) const { return inverse_std_of(deviation[channel]); }
  [[nodiscard]] __device__ float inverse_std_of(float its_deviation) const {
    return is_variance ? 1.0f / sqrtf(its_deviation + epsilon) : its_deviation;
  }
  template <int Width, bool ChannelsLast>
  [[nodiscard]] __device__ Normalisation<Width> load(int channel) const {
    const auto values = [&](const float* array) {
      return PerChannel<Width>::template load<ChannelsLast>(array, channel);
    };
    const auto means = values(mean), gammas = values(gamma), deviations = values(deviation);
    const auto betas = beta != nullptr ? values(beta) : PerChannel<Width>{};
    Normalisation<Width> result;
#pragma unroll
    for (int i = 0; i < Width; ++i) {
      result.mean[i] = means.value[i];
      result.scale[i] = gammas.value[i] * inverse_std_of(deviations.value[i]);
      result.beta[i] = betas.value[i];
    }
    return result;
  }
};

/// What follows a normalisation, and where in its gradient dy counts: where the normalised value is above 0 and below
/// the limit.
struct Rectifier {
  bool present = false;
  float limit = 0;  ///< infinity for ReLU, 6 for ReLU6

  /// NaN stays NaN.
  [[nodiscard]] __device__ __forceinline__ float of(float value) const {
    const float positive = value < 0.0f ? 0.0f : value;
    return positive > limit ? limit : positive;
  }
  [[nodiscard]] __device__ __forceinline__ bool passes(float value) const {
    return value > 0.0f && value < limit;
  }
};
constexpr Rectifier no_rectifier{}, relu_rectifier{true, std::numeric_limits<float>::infinity()},
    relu6_rectifier{true, 6.0f};

/// Statistics: mean and inverse_std, or running_mean and running_var.
[[nodiscard]] ChannelParameters batch_parameters(const ConstView& gamma, const ConstView& beta,
                                                 const ConstView& mean, const ConstView& inverse_std);
[[nodiscard]] ChannelParameters running_parameters(const BatchNormParams& params, const ConstView& gamma,
                                                   const ConstView& beta, const ConstView& running_mean,
                                                   const ConstView& running_var);

// x and dx may have more channels than y, dy and the per-channel arrays, which are of their first ones (not with pooling).

/// Writes mean and inverse_std of x's channels and moves the running statistics, where these are defined.
void batch_statistics(KernelBackend& backend, const char* operation, const BatchNormParams& params,
                      const ConstView& x, const View& running_mean, const View& running_var, const View& mean,
                      const View& inverse_std);

/// y = the rectified normalised x
void normalise(KernelBackend& backend, const char* operation, const Rectifier& rectifier, const ConstView& x,
               const ChannelParameters& parameters, const View& y);

/// Where the gradients of gamma and beta go; undefined ones are not written.
struct ParameterGradients {
  Gradient d_gamma, d_beta;
};

/// On the device, per channel: the mean of dy, and inverse_std times the mean of dy xhat.
struct GradientMeans {
  const float *mean_dy, *slope;
};

/// The sums over dy and dy xhat, with xhat = (x - mean) inverse_std: writes the parameters' gradients and
/// returns the means, which lie in the workspace. dy counts where the rectifier lets the normalised x pass.
[[nodiscard]] GradientMeans channel_gradients(KernelBackend& backend, const char* operation,
                                              const Rectifier& rectifier, const ConstView& x,
                                              const ConstView& dy, const ChannelParameters& parameters,
                                              const ParameterGradients& gradients);

/// dx = scale ((dy - mean_dy) - (x - mean) slope)
void input_gradient(KernelBackend& backend, const char* operation, const Rectifier& rectifier,
                    const ConstView& x, const ConstView& dy, const ChannelParameters& parameters,
                    const GradientMeans& means, const View& dx, GradientWrite write);

/// The second pass of channel_gradients: partials [2][pieces][channels] of dy and dy xhat, `count` values per
/// channel; the means are written to `means` [2][channels].
void finish_gradients(KernelBackend& backend, const float* partials, int pieces, int channels,
                      std::int64_t count, const ChannelParameters& parameters,
                      const ParameterGradients& gradients, float* means);

// With 2x2 max pooling, stride 2; channels_last.

/// y = max pooling of relu(normalised x). argmax: null, or a byte per output: the winner's place in its
/// window, row by row, or `no_winner` where relu is 0.
constexpr int no_winner = 4;
void normalise_and_pool(KernelBackend& backend, const char* operation, const ConstView& x,
                        const ChannelParameters& parameters, const View& y, std::uint8_t* argmax);

[[nodiscard]] GradientMeans pooled_channel_gradients(KernelBackend& backend, const char* operation,
                                                     const ConstView& x, const ConstView& y,
                                                     const std::uint8_t* argmax, const ConstView& dy,
                                                     const ChannelParameters& parameters,
                                                     const ParameterGradients& gradients);

void pooled_input_gradient(KernelBackend& backend, const char* operation, const ConstView& x,
                           const std::uint8_t* argmax, const ConstView& dy,
                           const ChannelParameters& parameters, const GradientMeans& means, const View& dx,
                           GradientWrite write);

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
