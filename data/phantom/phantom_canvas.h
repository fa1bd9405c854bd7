// What the phantom is drawn with: fields of floats, the view of the patient, smooth noise, soft strokes.
//
// Patient coordinates: x from -1 (image left, the patient's right) to 1, y from -1 (neck) to 1 (abdomen),
// before the patient is turned, moved and scaled in the image.
#pragma once

#include "kernels/common/random.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

namespace xr::data::phantom {

inline constexpr auto pi = std::numbers::pi_v<float>;

struct Point {
  float x = 0, y = 0;
};

/// Patient to pixels and back.
struct View {
  int size = 0;
  float cosine = 1, sine = 0;
  float zoom_x = 1, zoom_y = 1;
  float shift_x = 0, shift_y = 0;

  [[nodiscard]] Point to_pixel(Point patient) const;
  [[nodiscard]] Point to_patient(float pixel_x, float pixel_y) const;
  /// Pixels in a patient unit.
  [[nodiscard]] float pixels_per_unit() const;
};

/// Smooth noise of mean 0 and variance about 1/2, one feature per unit of its coordinates.
class NoiseField {
 public:
  explicit NoiseField(Philox& random);
  [[nodiscard]] float at(float x, float y) const;

 private:
  static constexpr int side = 64;  // the lattice repeats
  std::vector<float> lattice_;
};

/// size x size floats.
class Canvas {
 public:
  explicit Canvas(int size) : size_(size), values_(static_cast<std::size_t>(size) * size) {}
  [[nodiscard]] int size() const { return size_; }
  [[nodiscard]] float& at(int x, int y) { return values_[static_cast<std::size_t>(y) * size_ + x]; }
  [[nodiscard]] float at(int x, int y) const { return values_[static_cast<std::size_t>(y) * size_ + x]; }

 private:
  int size_;
  std::vector<float> values_;
};

/// 0 below low, 1 above high, smooth between.
inline float smooth_step(float low, float high, float value) {
  const float t = std::clamp((value - low) / (high - low), 0.0f, 1.0f);
  return t * t * (3.0f - 2.0f * t);
}

/// Calls paint(x, y, coverage) for the pixels about the segment from a to b (pixel coordinates); coverage is
/// exp(-(distance / half width)^2), the half width going from width_a to width_b pixels.
template <class Paint>
void stroke(int size, Point a, Point b, float width_a, float width_b, Paint&& paint) {
  const float reach = 2.2f * std::max(width_a, width_b) + 1.0f;
  const int x0 = std::max(0, static_cast<int>(std::min(a.x, b.x) - reach));
  const int x1 = std::min(size - 1, static_cast<int>(std::max(a.x, b.x) + reach));
  const int y0 = std::max(0, static_cast<int>(std::min(a.y, b.y) - reach));
  const int y1 = std::min(size - 1, static_cast<int>(std::max(a.y, b.y) + reach));
  const float dx = b.x - a.x, dy = b.y - a.y, length2 = std::max(dx * dx + dy * dy, 1e-6f);
  for (int y = y0; y <= y1; ++y)
    for (int x = x0; x <= x1; ++x) {
      const float px = static_cast<float>(x) - a.x, py = static_cast<float>(y) - a.y;
      const float along = std::clamp((px * dx + py * dy) / length2, 0.0f, 1.0f);
      const float ex = px - along * dx, ey = py - along * dy;
      const float width = width_a + along * (width_b - width_a);
      const float ratio2 = (ex * ex + ey * ey) / (width * width);
      if (ratio2 < 4.8f) paint(x, y, std::exp(-ratio2));
    }
}

}  // namespace xr::data::phantom
