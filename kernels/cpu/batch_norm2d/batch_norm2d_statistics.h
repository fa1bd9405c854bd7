// Sums over a batch for every channel: what batch normalisation needs before it can write anything.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/backend.h"
#include "kernels/common/bf16.h"
#include "kernels/cpu/batch_norm2d/batch_norm2d_kernels.h"
#include "kernels/cpu/channel_layout.h"

namespace xr::kernels::cpu {

/// Mean and biased variance of each channel, in one pass over memory. Sums are floats within blocks of a few
/// hundred values per channel and double beyond, added in an order that does not depend on the threads. Each
/// block is centred at the mean of the block before it (the first of a task at its own), and the blocks are
/// combined as in Chan, Golub, LeVeque: "Updating formulae and a pairwise algorithm for computing sample
/// variances", 1979. Where neighbouring blocks' means differ much, so does the variance that the difference
/// itself contributes: the relative error stays near float's.
struct ChannelMoments {
  std::vector<double> mean, variance;
};
/// The layout may be of the first channels of x alone; dy below has no others.
[[nodiscard]] ChannelMoments channel_moments(const ChannelLayout& layout, const float* x);
[[nodiscard]] ChannelMoments channel_moments(const ChannelLayout& layout, const Bf16* x);

/// A normalisation's parameters per channel; scale = gamma inverse_std, in the one place that all functions
/// share so that forward and backward round alike.
struct ChannelParameters {
  std::vector<float> mean, scale, beta;
  ChannelParameters() = default;
  /// beta may be null: zeros.
  ChannelParameters(std::int64_t channels, const float* gamma, const float* beta_in, const float* mean_in,
                    const float* inverse_std);
};

/// Per channel: sum of dy and sum of dy (x - mean), over the elements that the mask counts. Floats within
/// small blocks, the blocks combined in double.
struct ChannelGradientSums {
  std::vector<double> dy, dy_x;
};
[[nodiscard]] ChannelGradientSums channel_gradient_sums(const ChannelLayout& layout, GradientMask mask,
                                                        const float* x, const float* dy,
                                                        const ChannelParameters& parameters);
[[nodiscard]] ChannelGradientSums channel_gradient_sums(const ChannelLayout& layout, GradientMask mask,
                                                        const Bf16* x, const Bf16* dy,
                                                        const ChannelParameters& parameters);

/// Writes the batch's mean and inverse_std, and moves the running statistics (those that are defined) as
/// PyTorch does: with the unbiased variance.
void finish_statistics(const BatchNormParams& params, const ChannelMoments& moments, std::int64_t per_channel,
                       const View& running_mean, const View& running_var, const View& mean,
                       const View& inverse_std);

/// 1 / sqrt(variance + epsilon) of running statistics.
[[nodiscard]] std::vector<float> inverse_deviation(float epsilon, const float* variance,
                                                   std::int64_t channels);

/// destination = or += value, for the per-channel gradients; undefined destinations are skipped.
void write_channels(const std::vector<double>& values, const View& destination, GradientWrite write);

/// Parameters repeated for every position of every block: [blocks][period].
class PositionParameters {
 public:
  PositionParameters(const ChannelLayout& layout, const ChannelParameters& channels);
  [[nodiscard]] Normalisation of_block(std::int64_t block) const {
    const std::int64_t offset = block * period_;
    return {mean_.data() + offset, scale_.data() + offset, beta_.data() + offset};
  }
  [[nodiscard]] std::int64_t period() const { return period_; }

 private:
  std::int64_t period_;
  std::vector<float> mean_, scale_, beta_;
};

}  // namespace xr::kernels::cpu
