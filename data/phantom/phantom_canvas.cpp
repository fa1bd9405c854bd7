#include "data/phantom/phantom_canvas.h"

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

float View::pixels_per_unit() const {
  return 0.25f * static_cast<float>(size) * (zoom_x + zoom_y);
}

NoiseField::NoiseField(Philox& random) : lattice_(static_cast<std::size_t>(side) * side) {
  for (float& value : lattice_) value = random.normal();
}

float NoiseField::at(float x, float y) const {
  const float fx = std::floor(x), fy = std::floor(y);
  const auto lattice = [&](int dx, int dy) {
    const int column = (static_cast<int>(fx) + dx) & (side - 1),
              row = (static_cast<int>(fy) + dy) & (side - 1);
    return lattice_[static_cast<std::size_t>(row) * side + column];
  };
  const float u = smooth_step(0, 1, x - fx), v = smooth_step(0, 1, y - fy);
  const float upper = lattice(0, 0) + u * (lattice(1, 0) - lattice(0, 0));
  const float lower = lattice(0, 1) + u * (lattice(1, 1) - lattice(0, 1));
  return upper + v * (lower - upper);
}

}  // namespace xr::data::phantom
