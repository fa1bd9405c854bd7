// How pixels are shifted and scaled before the network sees them, and who decides that.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/xrtrain/options/options.h"
#include "apps/xrtrain/training/dataset.h"

namespace xr::apps {

/// A normalisation that many weights were trained with.
struct KnownNormalization {
  const char* name;
  PixelStatistics colour;                                         ///< of pixels 0..1
  [[nodiscard]] PixelStatistics of(std::int64_t channels) const;  ///< grey: the mean of the three
};
/// imagenet: mean and deviation of ImageNet, as torchvision's weights expect; torchxrayvision: -1024 to
/// 1024; efficientnet_lite: that of the network's ImageNet weights.
[[nodiscard]] const std::vector<KnownNormalization>& known_normalizations();

/// Where the normalisation of a run comes from.
struct ChosenNormalization {
  PixelStatistics statistics;
  std::string source;  ///< for people: "ImageNet (--preprocessing imagenet)"
};

/// By --mean and --std, else by --preprocessing; "auto" is that of the initial weights where they have one, else
/// --normalize.
[[nodiscard]] ChosenNormalization choose_normalization(const TrainOptions& options,
                                                       const data::ImageSet& train,
                                                       const std::optional<ChosenNormalization>& of_weights);

/// The numbers of "0.5" or "0.485,0.456,0.406" for the channels. Throws UsageError that names `option`.
[[nodiscard]] std::array<float, 3> parse_channel_values(const std::string& text, std::int64_t channels,
                                                        bool positive, const char* option);
/// --mean and --std: both or none, with values that can be. Throws UsageError.
void check_normalization(const TrainOptions& options);

}  // namespace xr::apps
