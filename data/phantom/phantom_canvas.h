// What the phantom is drawn with: fields of floats, the view of the patient, smooth noise, soft strokes.
//
// Patient coordinates: x from -1 (image left, the patient's right) to 1, y from -1 (neck) to 1 (abdomen),
// before the patient is turned, moved and scaled in the image.
#pragma once

#include "data/phantom/row_math.h"
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
  /// Of the pixels `begin` to before `end` of a row, into x[0], y[0] and so on.
  void row_to_patient(int pixel_y, int begin, int end, float* x, float* y) const;
  /// Pixels in a patient unit.
  [[nodiscard]] float pixels_per_unit() const;
};

/// Smooth noise of mean 0 and variance about 1/2, one feature per unit of its coordinates. Used by one thread:
/// the rows of its lattice are drawn when they are first asked for.
class NoiseField {
 public:
  explicit NoiseField(Philox& random);
  /// At `count` points.
  void at(const float* x, const float* y, float* result, int count) const;

 private:
  static constexpr int side = 64;  // the lattice repeats
  void draw_rows(int first, int last) const;

  Philox begin_;
  mutable std::vector<float> lattice_;
  mutable std::vector<char> drawn_;
};

/// size x size floats.
class Canvas {
 public:
  explicit Canvas(int size) : size_(size), values_(static_cast<std::size_t>(size) * size) {}
  [[nodiscard]] int size() const { return size_; }
  [[nodiscard]] float& at(int x, int y) { return values_[static_cast<std::size_t>(y) * size_ + x]; }
  [[nodiscard]] float at(int x, int y) const { return values_[static_cast<std::size_t>(y) * size_ + x]; }
  [[nodiscard]] float* row(int y) { return &values_[static_cast<std::size_t>(y) * size_]; }
  [[nodiscard]] const float* row(int y) const { return &values_[static_cast<std::size_t>(y) * size_]; }

 private:
  int size_;
  std::vector<float> values_;
};

inline float square(float value) {
  return value * value;
}

/// std::min and std::max without references, so that loops of them become vectors.
inline float lesser(float a, float b) {
  return b < a ? b : a;
}
inline float greater(float a, float b) {
  return a < b ? b : a;
}

/// 0 below low, 1 above high, smooth between.
inline float smooth_step(float low, float high, float value) {
  const float t = lesser(greater((value - low) / (high - low), 0.0f), 1.0f);
  return t * t * (3.0f - 2.0f * t);
}

struct Pixel {
  int x, y;
};

/// A segment from a to b, in pixels, whose half width goes from width_a to width_b.
struct Segment {
  Point a, b;
  float width_a, width_b;
};

/// How far the pixels x, x + 1, ... of a row are from a segment, in half widths, squared.
void distances(const Segment& segment, int x, int y, float* ratio2, int count);

/// Calls paint(x, y, coverage) for the pixels about a segment; coverage is exp(-(distance / half width)^2).
template <class Paint>
void stroke(int size, Point a, Point b, float width_a, float width_b, Paint&& paint) {
  constexpr int part = 64;
  constexpr float beyond = 4.8f;  // nothing is painted
  const float reach = 2.2f * std::max(width_a, width_b) + 1.0f;
  const int x0 = std::max(0, static_cast<int>(std::min(a.x, b.x) - reach));
  const int x1 = std::min(size - 1, static_cast<int>(std::max(a.x, b.x) + reach));
  const int y0 = std::max(0, static_cast<int>(std::min(a.y, b.y) - reach));
  const int y1 = std::min(size - 1, static_cast<int>(std::max(a.y, b.y) + reach));
  const Segment segment{a, b, width_a, width_b};
  float ratio2[part], near[2 * part] = {}, coverage[2 * part];
  Pixel place[2 * part];
  int found = 0;
  const auto paint_found = [&] {
    exp_row(near, coverage, found);
    for (int i = 0; i < found; ++i) paint(place[i].x, place[i].y, coverage[i]);
    found = 0;
  };
  for (int y = y0; y <= y1; ++y)
    for (int begin = x0; begin <= x1; begin += part) {
      const int count = std::min(part, x1 + 1 - begin);
      distances(segment, begin, y, ratio2, count);
      for (int i = 0; i < count; ++i) {  // without a branch
        near[found] = -ratio2[i];
        place[found] = {begin + i, y};
        found += ratio2[i] < beyond ? 1 : 0;
      }
      if (found > part) paint_found();
    }
  paint_found();
}

}  // namespace xr::data::phantom
