// Augmentation: image indices[n] of bytes, through the box, flip and warp of its record, exposed and
// normalised. The maths from the definitions: a triangle filter over the box, or bilinear sampling at the
// positions that the inverse map gives.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/common/augment.h"
#include "tests/reference/tensor.h"

namespace xr::reference {

using kernels::AugmentParams;
using kernels::AugmentRecord;

struct AugmentImage {
  std::int64_t size;
  std::vector<double> pixels;
  [[nodiscard]] double at(std::int64_t y, std::int64_t x) const {
    return pixels[static_cast<std::size_t>(y * size + x)];
  }
};

/// Output o of `out` over `count` values: value(s) weighted by a triangle about the output's centre.
template <class Value>
double triangle_filter(std::int64_t o, std::int64_t out, std::int64_t count, Value&& value) {
  const double scale = static_cast<double>(count) / static_cast<double>(out);
  const double centre = (static_cast<double>(o) + 0.5) * scale, reach = std::max(scale, 1.0);
  double sum = 0, weights = 0;
  for (std::int64_t s = 0; s < count; ++s) {
    const double distance = std::abs(static_cast<double>(s) + 0.5 - centre);
    if (distance >= reach) continue;
    sum += (1 - distance / reach) * value(s);
    weights += 1 - distance / reach;
  }
  return sum / weights;
}

inline AugmentImage augment_crop(const AugmentImage& image, const AugmentRecord& r, std::int64_t side) {
  AugmentImage result{side, {}};
  // Rows first: column s of the box, blended for output row y.
  for (std::int64_t y = 0; y < side; ++y) {
    std::vector<double> row(static_cast<std::size_t>(r.width));
    for (std::int64_t x = 0; x < r.width; ++x)
      row[static_cast<std::size_t>(x)] =
          triangle_filter(y, side, r.height, [&](std::int64_t s) { return image.at(r.y + s, r.x + x); });
    for (std::int64_t x = 0; x < side; ++x)
      result.pixels.push_back(triangle_filter(
          x, side, r.width, [&](std::int64_t s) { return row[static_cast<std::size_t>(s)]; }));
  }
  return result;
}

inline double bilinear(const AugmentImage& image, double y, double x) {
  const double last = static_cast<double>(image.size - 1);
  x = std::clamp(x, 0.0, last);
  y = std::clamp(y, 0.0, last);
  const auto left = static_cast<std::int64_t>(x), top = static_cast<std::int64_t>(y);
  const std::int64_t right = std::min(left + 1, image.size - 1), bottom = std::min(top + 1, image.size - 1);
  const double fx = x - static_cast<double>(left), fy = y - static_cast<double>(top);
  return (1 - fy) * ((1 - fx) * image.at(top, left) + fx * image.at(top, right)) +
         fy * ((1 - fx) * image.at(bottom, left) + fx * image.at(bottom, right));
}

inline AugmentImage augment_warp(const AugmentImage& source, const AugmentRecord& r, std::int64_t side) {
  AugmentImage image = source;
  double x0 = r.x, y0 = r.y, width = r.width, height = r.height;
  const auto out = static_cast<double>(side);
  if (std::max(width, height) > 1.5 * out) {
    image = augment_crop(source, r, side);
    for (double& value : image.pixels) value = std::floor(value + 0.5);
    x0 = y0 = 0;
    width = height = out;
  }
  AugmentImage result{side, {}};
  const double cosine = r.cosine, sine = r.sine, zoom = r.zoom;
  for (std::int64_t y = 0; y < side; ++y)
    for (std::int64_t x = 0; x < side; ++x) {
      // From the middle of the output, in source pixels.
      const double u =
          (static_cast<double>(r.flip != 0 ? side - 1 - x : x) + 0.5 - out / 2) * width / out / zoom;
      const double v = (static_cast<double>(y) + 0.5 - out / 2) * height / out / zoom;
      result.pixels.push_back(bilinear(image, y0 + height * (0.5 + r.shift_y) - 0.5 + sine * u + cosine * v,
                                       x0 + width * (0.5 + r.shift_x) - 0.5 + cosine * u - sine * v));
    }
  return result;
}

/// images (count, C, size, size) -> (N, C, side, side).
inline Tensor augment(const AugmentParams& params, const Tensor& images,
                      const std::vector<std::int64_t>& indices, const std::vector<AugmentRecord>& records,
                      std::int64_t side) {
  const std::int64_t channels = images.shape[1], size = images.shape[2], plane = size * size;
  Tensor y({static_cast<std::int64_t>(indices.size()), channels, side, side});
  std::int64_t out = 0;
  for (std::size_t n = 0; n < indices.size(); ++n)
    for (std::int64_t c = 0; c < channels; ++c) {
      const AugmentRecord& r = records[n];
      const auto begin = images.values.begin() + (indices[n] * channels + c) * plane;
      const AugmentImage image{size, std::vector<double>(begin, begin + plane)};
      const bool warped = r.cosine != 1 || r.sine != 0 || r.shift_x != 0 || r.shift_y != 0 || r.zoom != 1;
      const AugmentImage moved = warped ? augment_warp(image, r, side) : augment_crop(image, r, side);
      for (std::int64_t row = 0; row < side; ++row)
        for (std::int64_t x = 0; x < side; ++x) {
          const bool mirrored = r.flip != 0 && !warped;
          const double value = moved.at(row, mirrored ? side - 1 - x : x) / 255.0;
          const double exposed = std::clamp(
              static_cast<double>(r.contrast) * (value - 0.5) + 0.5 + static_cast<double>(r.brightness), 0.0,
              1.0);
          y[out++] =
              (exposed - static_cast<double>(params.mean[c])) / static_cast<double>(params.deviation[c]);
        }
    }
  return y;
}

}  // namespace xr::reference
