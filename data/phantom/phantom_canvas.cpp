#include "data/phantom/phantom_canvas.h"

#include "data/phantom/row_math.h"
#include "kernels/common/parallel.h"

namespace xr::data::phantom {

Point View::to_pixel(Point patient) const {
  const float x = patient.x * zoom_x, y = patient.y * zoom_y;
  const float u = cosine * x - sine * y + shift_x, v = sine * x + cosine * y + shift_y;
  const float half = 0.5f * static_cast<float>(size);
  return {(u + 1.0f) * half - 0.5f, (v + 1.0f) * half - 0.5f};
}

Point View::to_patient(float pixel_x, float pixel_y) const {
  const float half = 0.5f * static_cast<float>(size);
  const float u = (pixel_x + 0.5f) / half - 1.0f - shift_x, v = (pixel_y + 0.5f) / half - 1.0f - shift_y;
  return {(cosine * u + sine * v) / zoom_x, (-sine * u + cosine * v) / zoom_y};
}

namespace {

XR_MULTIVERSION void place_pixels(const View& view, int pixel_y, int begin, int count, float* __restrict x,
                                  float* __restrict y) {
  const float half = 0.5f * static_cast<float>(view.size);
  const float cosine = view.cosine, sine = view.sine, zoom_x = view.zoom_x, zoom_y = view.zoom_y;
  const float shift_x = view.shift_x, v = (static_cast<float>(pixel_y) + 0.5f) / half - 1.0f - view.shift_y;
  for (int i = 0; i < count; ++i) {
    const float u = (static_cast<float>(begin + i) + 0.5f) / half - 1.0f - shift_x;
    x[i] = (cosine * u + sine * v) / zoom_x;
    y[i] = (-sine * u + cosine * v) / zoom_y;
  }
}

}  // namespace

void View::row_to_patient(int pixel_y, int begin, int end, float* x, float* y) const {
  place_pixels(*this, pixel_y, begin, end - begin, x, y);
}

float View::pixels_per_unit() const {
  return 0.25f * static_cast<float>(size) * (zoom_x + zoom_y);
}

XR_MULTIVERSION void distances(const Segment& segment, int first_x, int y, float* ratio2, int count) {
  const Segment s = segment;
  const float dx = s.b.x - s.a.x, dy = s.b.y - s.a.y, length2 = greater(dx * dx + dy * dy, 1e-6f);
  const float py = static_cast<float>(y) - s.a.y;
  for (int i = 0; i < count; ++i) {
    const float px = static_cast<float>(first_x + i) - s.a.x;
    const float along = lesser(greater((px * dx + py * dy) / length2, 0.0f), 1.0f);
    const float ex = px - along * dx, ey = py - along * dy;
    const float width = s.width_a + along * (s.width_b - s.width_a);
    ratio2[i] = (ex * ex + ey * ey) / (width * width);
  }
}

NoiseField::NoiseField(Philox& random)
    : begin_(random), lattice_(static_cast<std::size_t>(side) * side), drawn_(side) {
  random.skip(Philox::words_per_normal * lattice_.size());
}

void NoiseField::draw_rows(int first, int last) const {
  for (int i = first; i <= std::min(last, first + side - 1); ++i) {
    const int row = i & (side - 1);
    if (drawn_[static_cast<std::size_t>(row)] != 0) continue;
    drawn_[static_cast<std::size_t>(row)] = 1;
    Philox random = begin_;
    random.skip(Philox::words_per_normal * static_cast<std::uint64_t>(row) * side);
    std::uint32_t words[2 * side];
    for (std::uint32_t& word : words) word = random.next_u32();
    normal_row(words, &lattice_[static_cast<std::size_t>(row) * side], side);
  }
}

namespace {

constexpr int lattice_side = 64;

XR_MULTIVERSION void smallest_and_greatest(const float* values, int count, float& least, float& greatest) {
  float low = values[0], high = values[0];
  for (int i = 1; i < count; ++i) {
    low = values[i] < low ? values[i] : low;
    high = values[i] > high ? values[i] : high;
  }
  least = low;
  greatest = high;
}

XR_MULTIVERSION void interpolate(const float* lattice, const float* x, const float* y, float* result,
                                 int count) {
  for (int i = 0; i < count; ++i) {
    const float fx = std::floor(x[i]), fy = std::floor(y[i]);
    const int column = static_cast<int>(fx), row = static_cast<int>(fy);
    const float t = x[i] - fx, s = y[i] - fy;  // from 0 to 1
    const float u = t * t * (3.0f - 2.0f * t), v = s * s * (3.0f - 2.0f * s);
    constexpr int mask = lattice_side - 1;
    const int left = column & mask, right = (column + 1) & mask;
    const int top = (row & mask) * lattice_side, bottom = ((row + 1) & mask) * lattice_side;
    const float a = lattice[top + left], b = lattice[top + right];
    const float c = lattice[bottom + left], d = lattice[bottom + right];
    const float upper = a + u * (b - a);
    const float lower = c + u * (d - c);
    result[i] = upper + v * (lower - upper);
  }
}

}  // namespace

void NoiseField::at(const float* x, const float* y, float* result, int count) const {
  if (count <= 0) return;
  static_assert(side == lattice_side);
  float least = 0, greatest = 0;
  smallest_and_greatest(y, count, least, greatest);
  draw_rows(static_cast<int>(std::floor(least)), static_cast<int>(std::floor(greatest)) + 1);
  interpolate(lattice_.data(), x, y, result, count);
}

}  // namespace xr::data::phantom
