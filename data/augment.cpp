#include "data/augment.h"

#include "kernels/error.h"
#include "kernels/random.h"

#include <algorithm>
#include <cmath>

namespace xr::data {

namespace {

constexpr int crop_tries = 10;
/// From this reduction on bilinear sampling skips source pixels visibly: the image is reduced first.
constexpr double reduce_before_warp = 1.5;

bool needs_warp(const AugmentDraw& draw) {
  return draw.angle != 0 || draw.shift_x != 0 || draw.shift_y != 0 || draw.zoom != 1;
}

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

Augmenter::Augmenter(const AugmentSettings& settings, int output_size)
    : settings_(settings), output_size_(output_size) {
  XR_CHECK(output_size > 0, "the image size {} is not positive", output_size);
  XR_CHECK(settings.zoom >= 0 && settings.zoom < 1, "the zoom {} is not at least 0 and below 1",
           settings.zoom);
  XR_CHECK(settings.min_area > 0 && settings.min_area <= settings.max_area && settings.max_area <= 1,
           "the crop area {} to {} is no range within 0 to 1", settings.min_area, settings.max_area);
  XR_CHECK(settings.min_ratio > 0 && settings.min_ratio <= settings.max_ratio,
           "the crop ratio {} to {} is no range above 0", settings.min_ratio, settings.max_ratio);
  for (const float deviation : settings.deviation)
    XR_CHECK(deviation > 0, "the normalisation divides by {}; it must be positive", deviation);
}

void Augmenter::apply(std::span<const std::uint8_t> source, int channels, int size, const AugmentDraw& draw,
                      std::span<float> output) {
  const std::size_t plane = static_cast<std::size_t>(size) * size;
  const std::size_t output_plane = static_cast<std::size_t>(output_size_) * output_size_;
  XR_CHECK(channels >= 1 && channels <= 3 && source.size() == plane * channels &&
               output.size() == output_plane * channels,
           "cannot augment {} bytes as {} x {} x {} into {} floats", source.size(), channels, size, size,
           output.size());
  for (int c = 0; c < channels; ++c) {
    float* target = output.data() + output_plane * c;
    if (needs_warp(draw))
      warp(source.data() + plane * c, size, draw, target);
    else
      crop(source.data() + plane * c, size, draw, target);
    finish(draw, c, target);
  }
}

void Augmenter::crop(const std::uint8_t* plane, int size, const AugmentDraw& draw, float* output) {
  x_taps_.compute(draw.x, draw.width, output_size_, 0, output_size_, draw.flip);
  y_taps_.compute(draw.y, draw.height, output_size_, 0, output_size_);
  resample(plane, size, 1, x_taps_, y_taps_, row_, [&](int, int, int, float value) { *output++ = value; });
}

void Augmenter::warp(const std::uint8_t* plane, int size, const AugmentDraw& draw, float* output) {
  float x0 = static_cast<float>(draw.x), y0 = static_cast<float>(draw.y);
  float width = static_cast<float>(draw.width), height = static_cast<float>(draw.height);
  int source_size = size;
  if (std::max(width, height) > reduce_before_warp * output_size_) {
    AugmentDraw box = draw;
    box.flip = false;
    reduced_.resize(static_cast<std::size_t>(output_size_) * output_size_);
    std::uint8_t* target = reduced_.data();
    x_taps_.compute(box.x, box.width, output_size_, 0, output_size_);
    y_taps_.compute(box.y, box.height, output_size_, 0, output_size_);
    resample(plane, size, 1, x_taps_, y_taps_, row_,
             [&](int, int, int, float value) { *target++ = static_cast<std::uint8_t>(value + 0.5f); });
    plane = reduced_.data();
    source_size = output_size_;
    x0 = y0 = 0;
    width = height = static_cast<float>(output_size_);
  }
  const float step_x = (draw.flip ? -1.0f : 1.0f) * width / (static_cast<float>(output_size_) * draw.zoom);
  const float step_y = height / (static_cast<float>(output_size_) * draw.zoom);
  const float cosine = std::cos(draw.angle), sine = std::sin(draw.angle);
  const float centre_x = x0 + width * (0.5f + draw.shift_x) - 0.5f;
  const float centre_y = y0 + height * (0.5f + draw.shift_y) - 0.5f;
  const float middle = 0.5f * static_cast<float>(output_size_) - 0.5f;
  const float last = static_cast<float>(source_size - 1);
  for (int y = 0; y < output_size_; ++y) {
    const float v = (static_cast<float>(y) - middle) * step_y;
    for (int x = 0; x < output_size_; ++x) {
      const float u = (static_cast<float>(x) - middle) * step_x;
      const float source_x = std::clamp(centre_x + cosine * u - sine * v, 0.0f, last);
      const float source_y = std::clamp(centre_y + sine * u + cosine * v, 0.0f, last);
      const int left = static_cast<int>(source_x), top = static_cast<int>(source_y);
      const int right = std::min(left + 1, source_size - 1), bottom = std::min(top + 1, source_size - 1);
      const float fx = source_x - static_cast<float>(left), fy = source_y - static_cast<float>(top);
      const auto at = [&](int row, int column) {
        return static_cast<float>(plane[static_cast<std::size_t>(row) * source_size + column]);
      };
      const float upper = at(top, left) + fx * (at(top, right) - at(top, left));
      const float lower = at(bottom, left) + fx * (at(bottom, right) - at(bottom, left));
      *output++ = upper + fy * (lower - upper);
    }
  }
}

void Augmenter::finish(const AugmentDraw& draw, int channel, float* output) const {
  const std::size_t count = static_cast<std::size_t>(output_size_) * output_size_;
  const float scale = draw.contrast / 255.0f;
  const float offset = 0.5f - 0.5f * draw.contrast + draw.brightness;
  const float mean = settings_.mean[channel], factor = 1.0f / settings_.deviation[channel];
  for (std::size_t i = 0; i < count; ++i)
    output[i] = (std::clamp(output[i] * scale + offset, 0.0f, 1.0f) - mean) * factor;
}

}  // namespace xr::data
