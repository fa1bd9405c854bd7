#include "apps/xrtrain/training/normalization.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "apps/text/text.h"
#include "apps/xrtrain/errors.h"

namespace xr::apps {

PixelStatistics KnownNormalization::of(std::int64_t channels) const {
  if (channels == 3) return colour;
  const auto middle = [](const std::array<float, 3>& values) {
    return (values[0] + values[1] + values[2]) / 3;
  };
  PixelStatistics grey;
  grey.mean[0] = middle(colour.mean);
  grey.deviation[0] = middle(colour.deviation);
  return grey;
}

const std::vector<KnownNormalization>& known_normalizations() {
  // torchvision/transforms/_presets.py; torchxrayvision/datasets.py: (2 v - 1) 1024 = (v - 1/2) / (1/2048);
  // tensorflow/tpu, models/official/efficientnet/lite: (255 v - 127) / 128.
  static const std::vector<KnownNormalization> known = {
      {"imagenet", {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}}},
      {"torchxrayvision", {{0.5f, 0.5f, 0.5f}, {1.0f / 2048, 1.0f / 2048, 1.0f / 2048}}},
      {"efficientnet_lite",
       {{127.0f / 255, 127.0f / 255, 127.0f / 255}, {128.0f / 255, 128.0f / 255, 128.0f / 255}}}};
  return known;
}

std::array<float, 3> parse_channel_values(const std::string& text, std::int64_t channels, bool positive,
                                          const char* option) {
  std::array<float, 3> result = positive ? std::array<float, 3>{1, 1, 1} : std::array<float, 3>{0, 0, 0};
  const char *at = text.data(), *const end = text.data() + text.size();
  std::int64_t count = 0;
  bool sound = !text.empty();
  while (sound && at < end) {
    float value = 0;
    const auto [stop, code] = std::from_chars(at, end, value);
    sound = code == std::errc() && count < channels && std::isfinite(value) && (!positive || value > 0) &&
            (stop == end || (*stop == ',' && stop + 1 < end));
    if (sound) result[static_cast<std::size_t>(count++)] = value;
    at = stop + (stop < end ? 1 : 0);
  }
  if (count == 1)
    for (std::int64_t c = 1; c < channels; ++c) result[static_cast<std::size_t>(c)] = result[0];
  if (!sound || (count != 1 && count != channels))
    throw UsageError(fmt::format("{} is '{}': use {}{}", option, text::one_line(text),
                                 positive ? "a number above 0, as 0.225" : "a number, as 0.5",
                                 channels == 3 ? ", or three with commas between" : ""));
  return result;
}

void check_normalization(const TrainOptions& options) {
  if (options.mean.empty() != options.std.empty())
    throw UsageError("--mean and --std belong together: give both or none");
  if (options.mean.empty()) return;
  (void)parse_channel_values(options.mean, options.channels, false, "--mean");
  (void)parse_channel_values(options.std, options.channels, true, "--std");
  if (options.preprocessing != "auto")
    throw UsageError(
        fmt::format("--mean and --std exclude --preprocessing {}: use one of them", options.preprocessing));
}

ChosenNormalization choose_normalization(const TrainOptions& options, const data::ImageSet& train,
                                         const std::optional<ChosenNormalization>& of_weights) {
  if (!options.mean.empty()) {
    PixelStatistics statistics{parse_channel_values(options.mean, options.channels, false, "--mean"),
                               parse_channel_values(options.std, options.channels, true, "--std")};
    return {statistics, "--mean and --std"};
  }
  for (const KnownNormalization& known : known_normalizations())
    if (options.preprocessing == known.name)
      return {known.of(options.channels), fmt::format("--preprocessing {}", known.name)};
  if (options.preprocessing == "auto" && of_weights) return *of_weights;
  const bool of_images =
      options.preprocessing == "dataset" || (options.preprocessing == "auto" && options.normalize);
  if (of_images) return {pixel_statistics(train), "the training images"};
  return {{}, "none: pixels are 0 to 1"};
}

}  // namespace xr::apps
