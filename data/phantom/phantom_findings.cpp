#include "data/phantom/phantom_findings.h"

#include "data/phantom/row_math.h"
#include "kernels/common/parallel.h"

#include <algorithm>
#include <span>
#include <vector>

namespace xr::data::phantom {

namespace {

struct Branch {
  Point start;
  float angle, length, width;
  int depth;
};

/// One vessel with its branches, in patient coordinates.
void draw_branch(const Scene& scene, const Branch& branch, float strength, Philox& random) {
  Point at = branch.start;
  float angle = branch.angle, width = branch.width;
  const float unit = scene.view.pixels_per_unit();
  constexpr int steps = 4;
  for (int i = 0; i < steps; ++i) {
    angle += random.uniform(-0.16f, 0.16f);
    const float step = branch.length / steps;
    const Point next{at.x + step * std::cos(angle), at.y + step * std::sin(angle)};
    const float next_width = width * 0.9f;
    stroke(scene.view.size, scene.view.to_pixel(at), scene.view.to_pixel(next), std::max(0.5f, width * unit),
           std::max(0.5f, next_width * unit), [&](int x, int y, float coverage) {
             scene.absorption.at(x, y) +=
                 strength * coverage * scene.lungs.at(x, y) * (0.35f + 14.0f * width);
           });
    at = next;
    width = next_width;
  }
  if (branch.depth == 0) return;
  const float spread = random.uniform(0.25f, 0.5f);
  for (const float side : {-1.0f, 1.0f})
    draw_branch(scene,
                {at, angle + side * spread, branch.length * random.uniform(0.7f, 0.9f), width * 0.78f,
                 branch.depth - 1},
                strength, random);
}

/// A patch: where, how large, which way it lies.
struct Patch {
  Point centre;
  float radius_along, radius_across, angle, strength;
};

/// A place near the lateral edge of a lung, more often low.
Patch place_patch(const Lung& lung, Philox& random) {
  const float t = 0.25f + 0.62f * std::sqrt(random.uniform());
  const float y = lung.apex_y + t * (lung.base_y - lung.apex_y);
  float lateral = lung.medial;
  for (float x = lung.medial; x < 0.85f; x += 0.01f)
    if (lung_depth(lung, {x * lung.side, y}) > 0.0f) lateral = x;
  const float inward = random.uniform(0.05f, 0.22f);
  return {{lung.side * std::max(lung.medial + 0.08f, lateral - inward), y},
          random.uniform(0.13f, 0.22f),
          random.uniform(0.09f, 0.15f),
          0.5f * pi + random.uniform(-0.5f, 0.5f),
          random.uniform(0.75f, 1.25f)};
}

XR_MULTIVERSION void scale_points(const float* __restrict x, const float* __restrict y, float factor,
                                  float* __restrict scaled_x, float* __restrict scaled_y, int count) {
  for (int i = 0; i < count; ++i) {
    scaled_x[i] = x[i] * factor;
    scaled_y[i] = y[i] * factor;
  }
}

/// Where a patch lies, and how dense its middle is.
struct PatchShape {
  Point centre;
  float cosine, sine, along, across, most;
};

XR_MULTIVERSION void add_haze(const PatchShape& shape, const float* __restrict x, const float* __restrict y,
                              const float* __restrict uneven, float* __restrict haze, int count) {
  const PatchShape s = shape;
  for (int i = 0; i < count; ++i) {
    const float dx = x[i] - s.centre.x, dy = y[i] - s.centre.y;
    const float u = (dx * s.cosine + dy * s.sine) / s.along, v = (-dx * s.sine + dy * s.cosine) / s.across;
    const float radius = std::sqrt(u * u + v * v) + 0.22f * uneven[i];
    haze[i] += s.most * (1.0f - smooth_step(0.2f, 1.25f, radius));
  }
}

/// The points of a texture that is turned against the pixels, and of its finer one.
struct Grain {
  float features, cosine, sine;  ///< features in a patient unit
};

XR_MULTIVERSION void turn_points(const Grain& grain, const float* __restrict x, const float* __restrict y,
                                 float* __restrict u, float* __restrict v, float* __restrict fine_u,
                                 float* __restrict fine_v, int count) {
  const Grain g = grain;
  for (int i = 0; i < count; ++i) {
    u[i] = g.features * (x[i] * g.cosine - y[i] * g.sine);
    v[i] = g.features * (x[i] * g.sine + y[i] * g.cosine);
    fine_u[i] = 1.9f * v[i];
    fine_v[i] = 1.9f * u[i];
  }
}

XR_MULTIVERSION void mottle(const float* __restrict coarse, const float* __restrict fine,
                            float* __restrict density, int count) {
  for (int i = 0; i < count; ++i)
    density[i] = 0.1f + 1.8f * smooth_step(-1.0f, 1.0f, 0.75f * coarse[i] + 0.55f * fine[i]);
}

XR_MULTIVERSION void saturation_argument(const float* __restrict haze, float most, float* __restrict argument,
                                         int count) {
  for (int i = 0; i < count; ++i) argument[i] = -haze[i] / most;
}

XR_MULTIVERSION void add_saturated(const float* __restrict value, float most, const float* __restrict density,
                                   const float* __restrict lung, float* __restrict absorption, int count) {
  for (int i = 0; i < count; ++i) absorption[i] += most * (1.0f - value[i]) * density[i] * lung[i];
}

/// Adds a patch with an uneven outline. A smooth one spreads the same absorption over a larger area, as the
/// soft tissue in front of the lungs does.
void add_patch(const Scene& scene, const Patch& patch, float strength, bool compact,
               const NoiseField& outline, Canvas& haze) {
  const float spread = compact ? 1.0f : 1.4f;
  const float along = patch.radius_along * spread, across = patch.radius_across * spread;
  const float cosine = std::cos(patch.angle), sine = std::sin(patch.angle);
  const float reach = 1.8f * along * scene.view.pixels_per_unit();
  const Point middle = scene.view.to_pixel(patch.centre);
  const int x0 = std::max(0, static_cast<int>(middle.x - reach));
  const int y0 = std::max(0, static_cast<int>(middle.y - reach));
  const int x1 = std::min(haze.size(), static_cast<int>(middle.x + reach));
  const int y1 = std::min(haze.size(), static_cast<int>(middle.y + reach));
  const int count = std::max(0, x1 - x0);
  std::vector<float> px(count), py(count), column(count), line(count), uneven(count);
  const float most = strength * patch.strength / (spread * spread);
  for (int y = y0; y < y1; ++y) {
    scene.view.row_to_patient(y, x0, x1, px.data(), py.data());
    scale_points(px.data(), py.data(), 8.0f, column.data(), line.data(), count);
    outline.at(column.data(), line.data(), uneven.data(), count);
    add_haze({patch.centre, cosine, sine, along, across, most}, px.data(), py.data(), uneven.data(),
             haze.row(y) + x0, count);
  }
}

/// Thick line through points, painted bright.
void draw_polyline(Canvas& film, std::span<const Point> points, float width, float grey) {
  for (std::size_t i = 0; i + 1 < points.size(); ++i)
    stroke(film.size(), points[i], points[i + 1], width, width, [&](int x, int y, float coverage) {
      float& value = film.at(x, y);
      value = std::max(value, value + (grey - value) * std::min(1.0f, 1.6f * coverage));
    });
}

void draw_letter(Canvas& film, bool is_left, Point corner, float height, float tilt, float width,
                 float grey) {
  static constexpr Point l_shape[] = {{0, 0}, {0, 1}, {0.6f, 1}};
  static constexpr Point r_shape[] = {{0, 1},        {0, 0},    {0.42f, 0},    {0.6f, 0.12f}, {0.6f, 0.38f},
                                      {0.42f, 0.5f}, {0, 0.5f}, {0.25f, 0.5f}, {0.62f, 1}};
  const std::span<const Point> shape =
      is_left ? std::span<const Point>(l_shape) : std::span<const Point>(r_shape);
  std::vector<Point> points;
  for (const Point p : shape)
    points.push_back({corner.x + height * (p.x * std::cos(tilt) - p.y * std::sin(tilt)),
                      corner.y + height * (p.x * std::sin(tilt) + p.y * std::cos(tilt))});
  draw_polyline(film, points, width, grey);
}

}  // namespace

void draw_vessels(const Scene& scene, Philox& random) {
  const float strength = random.uniform(0.08f, 0.20f);
  for (const Lung& lung : scene.anatomy.lungs) {
    const int trunks = 7 + static_cast<int>(random.below(3));
    for (int i = 0; i < trunks; ++i) {
      const float share = (static_cast<float>(i) + random.uniform(0.2f, 0.8f)) / static_cast<float>(trunks);
      const float outward = -1.25f + 2.75f * share;  // from up and out to straight down
      const float angle = lung.side > 0 ? outward : pi - outward;
      const Point hilum{lung.side * random.uniform(0.15f, 0.2f), -0.04f + random.uniform(-0.1f, 0.1f)};
      draw_branch(scene, {hilum, angle, random.uniform(0.16f, 0.24f), random.uniform(0.010f, 0.016f), 3},
                  strength, random);
    }
  }
}

void draw_patches(const Scene& scene, Philox& random, bool mottled) {
  constexpr float most = 0.5f;  // overlapping patches saturate
  const NoiseField outline(random), coarse(random), fine(random);
  const float grain = random.uniform(17.0f, 27.0f);  // features in a patient unit
  const float turn = random.uniform(0.3f, 1.2f);     // keeps the noise lattice off the pixel axes
  const float overall = random.uniform(0.32f, 0.52f);
  const float turn_cosine = std::cos(turn), turn_sine = std::sin(turn);
  const int size = scene.view.size;
  Canvas haze(size);
  for (const Lung& lung : scene.anatomy.lungs) {
    const int count = static_cast<int>(mottled ? 3 + random.below(3) : 1 + random.below(4));
    for (int i = 0; i < count; ++i)
      add_patch(scene, place_patch(lung, random), overall, mottled, outline, haze);
  }
  std::vector<float> px(size), py(size), u(size), v(size), fine_u(size), fine_v(size), density(size, 1.0f),
      coarse_value(size), fine_value(size);
  for (int y = 0; y < size; ++y) {
    const float* const row = haze.row(y);
    const auto is_hazy = [](float value) { return value > 0.0f; };
    const auto begin = static_cast<int>(std::find_if(row, row + size, is_hazy) - row);
    if (begin == size) continue;
    int end = size;
    while (!is_hazy(row[end - 1])) --end;
    const int count = end - begin;
    if (mottled) {
      scene.view.row_to_patient(y, begin, end, px.data(), py.data());
      turn_points({grain, turn_cosine, turn_sine}, px.data(), py.data(), u.data(), v.data(), fine_u.data(),
                  fine_v.data(), count);
      coarse.at(u.data(), v.data(), coarse_value.data(), count);
      fine.at(fine_u.data(), fine_v.data(), fine_value.data(), count);
      mottle(coarse_value.data(), fine_value.data(), density.data(), count);
    }
    saturation_argument(row + begin, most, u.data(), count);
    exp_row(u.data(), v.data(), count);
    add_saturated(v.data(), most, density.data(), scene.lungs.row(y) + begin, scene.absorption.row(y) + begin,
                  count);
  }
}

void draw_leads(const Scene& scene, Philox& random) {
  if (random.uniform() > 0.3f) return;
  const int count = 1 + static_cast<int>(random.below(3));
  const float unit = scene.view.pixels_per_unit();
  for (int i = 0; i < count; ++i) {
    Point at{random.uniform(-0.6f, 0.6f), random.uniform(-0.5f, 0.3f)};
    const auto add = [&](float strength) {
      return [&scene, strength](int x, int y, float coverage) {
        scene.absorption.at(x, y) += strength * coverage;
      };
    };
    const Point electrode = scene.view.to_pixel(at);
    stroke(scene.view.size, electrode, electrode, 0.022f * unit, 0.022f * unit, add(0.5f));
    float angle = random.uniform(0.0f, 2.0f * pi);
    for (int step = 0; step < 24; ++step) {
      angle += random.uniform(-0.25f, 0.25f);
      const Point next{at.x + 0.06f * std::cos(angle), at.y + 0.06f * std::sin(angle)};
      stroke(scene.view.size, scene.view.to_pixel(at), scene.view.to_pixel(next), 0.006f * unit,
             0.006f * unit, add(0.3f));
      at = next;
    }
  }
}

void draw_markers(Canvas& film, Philox& random) {
  const auto size = static_cast<float>(film.size());
  const std::uint32_t which = random.below(4);  // none, left, right, both
  const float height = size * random.uniform(0.05f, 0.085f), width = size * random.uniform(0.004f, 0.007f);
  const float grey = random.uniform(0.8f, 1.0f), top = size * random.uniform(0.03f, 0.18f);
  const float inset = size * random.uniform(0.04f, 0.08f), tilt = random.uniform(-0.15f, 0.15f);
  if (which & 1u) draw_letter(film, true, {size - inset - 0.6f * height, top}, height, tilt, width, grey);
  if (which & 2u) draw_letter(film, false, {inset, top}, height, tilt, width, grey);
}

}  // namespace xr::data::phantom
