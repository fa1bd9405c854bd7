#include "data/loader/augment.h"

#include "kernels/common/error.h"
#include "kernels/common/random.h"

#include <algorithm>
#include <cmath>

namespace xr::data {

namespace {

constexpr int crop_tries = 10;

/// Python's round(): halves to even, in the default rounding mode.
int round_half_even(double value) {
  return static_cast<int>(std::nearbyint(value));
}

void draw_crop(const AugmentSettings& settings, int width, int height, Philox& random, AugmentDraw& draw) {
  const double area = static_cast<double>(width) * height;
  const double log_low = std::log(settings.min_ratio), log_high = std::log(settings.max_ratio);
  for (int attempt = 0; attempt < crop_tries; ++attempt) {
    const double target =
        area * (settings.min_area + (settings.max_area - settings.min_area) * random.uniform());
    const double ratio = std::exp(log_low + (log_high - log_low) * random.uniform());
    draw.width = round_half_even(std::sqrt(target * ratio));
    draw.height = round_half_even(std::sqrt(target / ratio));
    if (draw.width < 1 || draw.width > width || draw.height < 1 || draw.height > height) continue;
    draw.y = static_cast<int>(random.below(static_cast<std::uint32_t>(height - draw.height + 1)));
    draw.x = static_cast<int>(random.below(static_cast<std::uint32_t>(width - draw.width + 1)));
    return;
  }
  const double ratio = static_cast<double>(width) / height;
  draw.width = width;
  draw.height = height;
  if (ratio < settings.min_ratio) draw.height = round_half_even(width / settings.min_ratio);
  if (ratio > settings.max_ratio) draw.width = round_half_even(height * settings.max_ratio);
  draw.x = (width - draw.width) / 2;
  draw.y = (height - draw.height) / 2;
}

float draw_around(double centre, double spread, Philox& random) {
  const float unit = random.uniform();  // always drawn: settings do not shift each other's draws
  return static_cast<float>(centre + spread * (2.0 * unit - 1.0));
}

}  // namespace

AugmentSettings AugmentSettings::report() {
  AugmentSettings settings;
  settings.resized_crop = true;
  settings.flip_probability = 0.5;
  return settings;
}

AugmentSettings AugmentSettings::mild() {
  AugmentSettings settings;
  settings.rotation_degrees = 10;
  settings.shift = 0.06;
  settings.zoom = 0.12;
  settings.brightness = 0.1;
  settings.contrast = 0.2;
  return settings;
}

AugmentSettings AugmentSettings::mild_geometry() {
  AugmentSettings settings = mild();
  settings.brightness = 0;
  settings.contrast = 0;
  return settings;
}

AugmentDraw draw_augmentation(const AugmentSettings& settings, int width, int height, std::uint64_t seed,
                              std::uint64_t epoch, std::uint64_t index) {
  XR_CHECK(width > 0 && height > 0, "cannot augment an image of {} x {} pixels", width, height);
  XR_CHECK(epoch < (1u << 20) && index < (1u << 28),
           "epoch {} or image {} is above the limit of 2^20 or 2^28", epoch, index);
  Philox random(seed, stream_of(RandomPurpose::augmentation, epoch << 28 | index));
  AugmentDraw draw;
  draw.width = width;
  draw.height = height;
  draw.flip = random.uniform() < settings.flip_probability;
  draw.angle = draw_around(0, settings.rotation_degrees * 3.14159265358979323846 / 180.0, random);
  draw.shift_x = draw_around(0, settings.shift, random);
  draw.shift_y = draw_around(0, settings.shift, random);
  draw.zoom = draw_around(1, settings.zoom, random);
  draw.brightness = draw_around(0, settings.brightness, random);
  draw.contrast = draw_around(1, settings.contrast, random);
  if (settings.resized_crop) draw_crop(settings, width, height, random, draw);
  return draw;
}

kernels::AugmentRecord record_of(const AugmentDraw& draw) {
  kernels::AugmentRecord record;
  record.x = draw.x;
  record.y = draw.y;
  record.width = draw.width;
  record.height = draw.height;
  record.flip = draw.flip ? 1 : 0;
  record.cosine = std::cos(draw.angle);
  record.sine = std::sin(draw.angle);
  record.shift_x = draw.shift_x;
  record.shift_y = draw.shift_y;
  record.zoom = draw.zoom;
  record.brightness = draw.brightness;
  record.contrast = draw.contrast;
  return record;
}

kernels::AugmentParams normalisation_of(const AugmentSettings& settings) {
  kernels::AugmentParams params;
  std::copy(settings.mean.begin(), settings.mean.end(), params.mean);
  std::copy(settings.deviation.begin(), settings.deviation.end(), params.deviation);
  return params;
}

void check_augment_settings(const AugmentSettings& settings, int output_size) {
  XR_CHECK(output_size > 0, "the image size {} is not positive", output_size);
  XR_CHECK(settings.zoom >= 0 && settings.zoom < 1, "the zoom {} is not at least 0 and below 1",
           settings.zoom);
  XR_CHECK(settings.min_area > 0 && settings.min_area <= settings.max_area && settings.max_area <= 1,
           "the crop area {} to {} is not a range within 0 to 1", settings.min_area, settings.max_area);
  XR_CHECK(settings.min_ratio > 0 && settings.min_ratio <= settings.max_ratio,
           "the crop ratio {} to {} is not a range above 0", settings.min_ratio, settings.max_ratio);
  for (const float deviation : settings.deviation)
    XR_CHECK(deviation > 0, "the normalisation divides by {}; it must be positive", deviation);
}

Augmenter::Augmenter(const AugmentSettings& settings, int output_size)
    : normalisation_(normalisation_of(settings)), output_size_(output_size) {
  check_augment_settings(settings, output_size);
}

void Augmenter::apply(std::span<const std::uint8_t> source, int channels, int size, const AugmentDraw& draw,
                      std::span<float> output) {
  const std::size_t plane = static_cast<std::size_t>(size) * size;
  const std::size_t output_plane = static_cast<std::size_t>(output_size_) * output_size_;
  XR_CHECK(channels >= 1 && channels <= 3 && source.size() == plane * channels &&
               output.size() == output_plane * channels,
           "cannot augment {} bytes as {} x {} x {} into {} floats", source.size(), channels, size, size,
           output.size());
  const kernels::AugmentRecord record = record_of(draw);
  for (int c = 0; c < channels; ++c)
    planes_.apply(source.data() + plane * c, size, record,
                  kernels::Exposure::of(record, normalisation_.mean[c], normalisation_.deviation[c]),
                  output_size_, output.data() + output_plane * c);
}

}  // namespace xr::data
