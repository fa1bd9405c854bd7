#include "data/phantom/phantom_absorption.h"

#include "data/phantom/phantom_ribs.h"
#include "data/phantom/pixel_row.h"
#include "data/phantom/row_math.h"
#include "kernels/common/parallel.h"

#include <algorithm>
#include <cmath>

namespace xr::data::phantom {

namespace {

/// std::hypot: worked out in double, so that only the last rounding counts.
inline float length_of(float a, float b) {
  const double x = a, y = b;
  return static_cast<float>(std::sqrt(x * x + y * y));
}

/// What the chest wall and the lungs need functions of.
XR_MULTIVERSION void prepare_outlines(PixelRow& r, const Anatomy& a) {
  const float half_width = a.body_half_width;
  const float apex[2] = {a.lungs[0].apex_y, a.lungs[1].apex_y};
  const float base[2] = {a.lungs[0].base_y, a.lungs[1].base_y};
  for (int i = 0; i < r.size; ++i) {
    const float x = std::abs(r.x[i]), y = r.y[i];
    const float from_neck = greater(0.0f, x - 0.19f);
    r.argument[0][i] = -from_neck / 0.05f;
    const float width = half_width + 0.42f * smooth_step(0.35f, -0.6f, y);
    r.argument[1][i] = lesser(greater(1.0f - square(x / width), 0.0f), 1.0f);
    const bool left = r.x[i] < 0.0f;
    const float top = left ? apex[0] : apex[1], bottom = left ? base[0] : base[1];
    const float t = (y - top) / (bottom - top);
    r.other[0][i] = t;
    r.argument[2][i] = 0.5f * pi * lesser(1.0f, t / 0.7f);
  }
}

XR_MULTIVERSION void outline(PixelRow& r, const Anatomy& a) {
  const float shoulder_y = a.shoulder_y, thickness = a.body_thickness;
  const Lung l = a.lungs[0], o = a.lungs[1];
  for (int i = 0; i < r.size; ++i) {
    // Chest wall, shoulders, neck: the chord of the beam through the body.
    const float x = std::abs(r.x[i]), y = r.y[i];
    const float from_neck = greater(0.0f, x - 0.19f);
    const float neck = 0.3f * r.value[0][i];
    const float shoulder =
        shoulder_y + 0.34f * from_neck + 0.22f * square(from_neck) - (x > 0.19f ? neck : 2.0f);
    const float below_shoulder = smooth_step(-0.02f, 0.10f, y - shoulder);
    r.wall[i] = thickness * r.value[1][i] * below_shoulder;

    const bool left = r.x[i] < 0.0f;
    const float base = left ? l.base_y : o.base_y, dome = left ? l.dome : o.dome;
    const float most_lateral = left ? l.lateral : o.lateral, most_medial = left ? l.medial : o.medial;
    const float t = r.other[0][i];
    const float apex_round = std::sqrt(greater(0.0f, 1.0f - square(greater(0.0f, 1.0f - t / 0.16f))));
    const float lateral = 0.25f + 0.17f * apex_round + (most_lateral - 0.42f) * r.value[2][i];
    const float medial = 0.25f - (0.25f - most_medial) * apex_round;
    const float arch = 1.0f - square((x - 0.34f) / 0.38f);
    const float diaphragm = base + 0.06f - dome * greater(arch, -0.4f);
    const float inside = lesser(lesser(x - medial, lateral - x), diaphragm - y);
    const float depth = ((t < 0.0f) | (t > 1.3f)) ? -1.0f : inside;
    const float lung = smooth_step(-0.012f, 0.016f, depth);
    r.depth[i] = depth;
    r.lung[i] = lung;
    r.below[i] = smooth_step(-0.1f, 0.3f, y - base + dome) * (1.0f - lung);
  }
}

XR_MULTIVERSION void add_heart(PixelRow& r, const Anatomy& a) {
  const float heart_x = a.heart_x, heart_y = a.heart_y, rx = a.heart_rx, ry = a.heart_ry;
  const float cosine = a.heart_cosine, sine = a.heart_sine, bend = a.mediastinum_bend,
              half_width = a.mediastinum_half_width;
  for (int i = 0; i < r.size; ++i) {
    const float x = r.x[i], y = r.y[i];
    const float dx = x - heart_x, dy = y - heart_y;
    const float u = (dx * cosine + dy * sine) / rx;
    const float v = (-dx * sine + dy * cosine) / ry;
    const float heart = 0.62f * (1.0f - smooth_step(0.86f, 1.08f, std::sqrt(u * u + v * v)));
    const float middle = x - bend * y;
    const float widening = 0.10f * smooth_step(-0.45f, 0.15f, y) * (middle > 0.0f ? 1.6f : 0.8f);
    const float edge = half_width + widening;
    const float mediastinum = 0.5f * (1.0f - smooth_step(edge - 0.06f, edge + 0.05f, std::abs(middle)));
    r.soft[i] = greater(heart, mediastinum) + 0.35f * lesser(heart, mediastinum);
  }
}

XR_MULTIVERSION void add_knob(PixelRow& r, float aorta, Range range) {
  for (int i = range.begin; i < range.end; ++i)
    r.soft[i] +=
        aorta * (1.0f - smooth_step(0.07f, 0.12f, length_of(r.x[i] - 0.12f, (r.y[i] + 0.22f) * 0.8f)));
}

XR_MULTIVERSION void prepare_hila(PixelRow& r, Range range) {
  for (int i = range.begin; i < range.end; ++i) {
    r.argument[0][i] = -square((r.x[i] - -1.0f * 0.2f) / 0.09f);
    r.argument[1][i] = -square((r.y[i] + 0.02f + 0.03f * -1.0f) / 0.15f);
    r.argument[2][i] = -square((r.x[i] - 1.0f * 0.2f) / 0.09f);
    r.argument[3][i] = -square((r.y[i] + 0.02f + 0.03f * 1.0f) / 0.15f);
  }
}

/// exp(-(distance / width)^2), cut off where it is negligible.
inline float cut_off(float argument, float value) {
  return -argument < 9.0f ? value : 0.0f;
}

XR_MULTIVERSION void add_hila(PixelRow& r, Range range) {
  for (int i = range.begin; i < range.end; ++i) {
    float hila = 0.2f * cut_off(r.argument[0][i], r.value[0][i]) * cut_off(r.argument[1][i], r.value[1][i]);
    hila += 0.2f * cut_off(r.argument[2][i], r.value[2][i]) * cut_off(r.argument[3][i], r.value[3][i]);
    r.soft[i] += hila;
  }
}

XR_MULTIVERSION void subtract_trachea(PixelRow& r, Range range) {
  for (int i = range.begin; i < range.end; ++i)
    r.soft[i] -= 0.24f * (1.0f - smooth_step(0.03f, 0.06f, std::abs(r.x[i] - 0.01f))) *
                 (1.0f - smooth_step(-0.35f, -0.2f, r.y[i]));
}

/// Soft shadows in front of the lungs that everybody may have.
XR_MULTIVERSION void add_breast(PixelRow& r, float strength, float breast_y) {
  for (int i = 0; i < r.size; ++i) {
    const float radius = length_of((std::abs(r.x[i]) - 0.45f) / 0.36f, (r.y[i] - breast_y) / 0.30f);
    r.before[i] += strength * (1.0f - smooth_step(0.75f, 1.05f, radius)) *
                   smooth_step(-0.35f, 0.3f, r.y[i] - breast_y + 0.1f);
  }
}

XR_MULTIVERSION void add_scapula(PixelRow& r, float strength) {
  for (int i = 0; i < r.size; ++i) {
    const float x = std::abs(r.x[i]), y = r.y[i];
    const float inner = 0.60f + 0.10f * (y + 0.3f);
    const float height =
        smooth_step(-0.72f, -0.6f, y) * (1.0f - smooth_step(-0.12f, 0.0f, y + 0.4f * (0.8f - x)));
    r.before[i] +=
        strength * height * smooth_step(0.0f, 0.03f, x - inner) * (1.0f - smooth_step(0.9f, 1.0f, x));
  }
}

XR_MULTIVERSION void prepare_clavicles(PixelRow& r) {
  for (int i = 0; i < r.size; ++i) {
    const float u = (std::abs(r.x[i]) - 0.07f) / 0.78f;
    r.argument[0][i] = 2.0f * pi * u;
    r.argument[1][i] = pi * u;
  }
}

XR_MULTIVERSION void prepare_clavicle_tubes(PixelRow& r, float clavicle_y, float rise) {
  for (int i = 0; i < r.size; ++i) {
    const float u = (std::abs(r.x[i]) - 0.07f) / 0.78f;
    const float y = clavicle_y - rise * u + 0.03f * r.value[0][i];
    const float distance = std::abs(r.y[i] - y) / (0.036f - 0.010f * r.value[1][i]);
    r.other[0][i] = distance;
    r.argument[2][i] = tube_argument(distance);
  }
}

XR_MULTIVERSION void add_clavicles(PixelRow& r, float strength) {
  for (int i = 0; i < r.size; ++i) {
    const float x = std::abs(r.x[i]);
    const float u = (x - 0.07f) / 0.78f;
    const float seen = strength * smooth_step(0.0f, 0.08f, u) * (1.0f - smooth_step(0.92f, 1.0f, u)) *
                       tube(r.other[0][i], r.value[2][i]);
    r.clavicles[i] = ((x < 0.07f) | (x > 0.85f)) ? 0.0f : seen;
  }
}

XR_MULTIVERSION void prepare_spine(PixelRow& r, float vertebra_height, Range range) {
  for (int i = range.begin; i < range.end; ++i) {
    const float phase = r.y[i] / vertebra_height;
    const float within = phase - std::floor(phase);
    r.argument[0][i] = -square((within - 0.5f) / 0.14f);
    r.argument[1][i] = -square(std::abs(r.x[i]) / 0.02f);
    r.argument[2][i] = -square((within - 0.05f) / 0.18f);
  }
}

XR_MULTIVERSION void add_spine(PixelRow& r, float strength, Range range) {
  for (int i = range.begin; i < range.end; ++i) {
    const float column = 1.0f - smooth_step(0.05f, 0.13f, std::abs(r.x[i]));
    const float disc = cut_off(r.argument[0][i], r.value[0][i]);
    const float process = cut_off(r.argument[1][i], r.value[1][i]) * cut_off(r.argument[2][i], r.value[2][i]);
    r.spine[i] = strength * column * (1.0f - 0.4f * disc + 0.35f * process);
  }
}

XR_MULTIVERSION void add_up(PixelRow& r, const Anatomy& a) {
  const float air_of_lung = a.lung_air, thickness = a.body_thickness, half_width = a.body_half_width;
  for (int i = 0; i < r.size; ++i) {
    const float wall = r.wall[i], lung = r.lung[i], below = r.below[i], x = std::abs(r.x[i]);
    const float air = lung * (0.62f + 0.38f * std::sqrt(lesser(greater(r.depth[i] / 0.25f, 0.0f), 1.0f)));
    const float inside = smooth_step(0.0f, 0.25f, wall);
    const float ribs = ((x < 0.05f) | (x > half_width)) ? 0.0f : r.ribs[i];
    const float bones = ribs * (1.0f - 0.6f * below) + r.clavicles[i] + r.spine[i];
    float sum = wall - air_of_lung * air * thickness;
    sum += inside * (r.soft[i] * (1.0f - 0.5f * below) + bones + r.before[i]);
    sum += 0.3f * below * inside;
    r.sum[i] = sum;
  }
}

XR_MULTIVERSION void subtract_bubble(PixelRow& r, float strength, float base_y, Range range) {
  for (int i = range.begin; i < range.end; ++i) {
    const float radius = length_of((r.x[i] - 0.36f) / 0.16f, (r.y[i] - base_y - 0.09f) / 0.09f);
    r.sum[i] -= strength * r.below[i] * (1.0f - smooth_step(0.7f, 1.1f, radius));
  }
}

XR_MULTIVERSION void finish(PixelRow& r) {
  for (int i = 0; i < r.size; ++i) r.sum[i] = r.wall[i] <= 0.0f ? 0.0f : greater(r.sum[i], 0.02f);
}

void clear(float* values, int count) {
  std::fill(values, values + count, 0.0f);
}

void exp_in(PixelRow& r, int which, Range range) {
  exp_row(r.argument[which] + range.begin, r.value[which] + range.begin, range.end - range.begin);
}
void sin_in(PixelRow& r, int which) {
  sin_row(r.argument[which], r.value[which], r.size);
}

}  // namespace

struct AbsorptionRows::Row {
  PixelRow pixels;
  RibRow ribs;
};

AbsorptionRows::AbsorptionRows(const Anatomy& anatomy, const View& view)
    : anatomy_(anatomy), view_(view), row_(new Row) {
  row_->pixels.size = view.size;
}

AbsorptionRows::~AbsorptionRows() = default;

const float* AbsorptionRows::x() const {
  return row_->pixels.x;
}
const float* AbsorptionRows::y() const {
  return row_->pixels.y;
}
const float* AbsorptionRows::sum() const {
  return row_->pixels.sum;
}
const float* AbsorptionRows::lung() const {
  return row_->pixels.lung;
}

void AbsorptionRows::work_out(int pixel_y) {
  const Anatomy& a = anatomy_;
  PixelRow& r = row_->pixels;
  const Range whole = {0, r.size};
  view_.row_to_patient(pixel_y, 0, r.size, r.x, r.y);
  r.low_y = std::min(r.y[0], r.y[r.size - 1]) - 1e-3f;
  r.high_y = std::max(r.y[0], r.y[r.size - 1]) + 1e-3f;

  prepare_outlines(r, a);
  // What lies far enough below the shoulders is seen in full, wherever they are.
  const float from_neck = std::max(std::abs(r.x[0]), std::abs(r.x[r.size - 1]));
  const float lowest_shoulder = a.shoulder_y + 0.34f * from_neck + 0.22f * square(from_neck);
  if (r.low_y < lowest_shoulder + 0.101f)
    exp_in(r, 0, whole);
  else
    clear(r.value[0], r.size);
  pow_row(r.argument[1], 0.3f, r.value[1], r.size);
  sin_in(r, 2);
  outline(r, a);

  add_heart(r, a);
  if (r.meets(-0.38f, -0.06f)) add_knob(r, a.aorta, r.where(-0.01f, 0.25f));
  if (r.meets(-0.51f, 0.51f)) {
    const Range range = r.where(-0.48f, 0.48f);
    prepare_hila(r, range);
    for (int i = 0; i < 4; ++i) exp_in(r, i, range);
    add_hila(r, range);
  }
  if (r.low_y < -0.19f) subtract_trachea(r, r.where(-0.06f, 0.08f));

  clear(r.before, r.size);
  if (a.breast > 0.0f && r.meets(a.breast_y - 0.33f, a.breast_y + 0.33f)) add_breast(r, a.breast, a.breast_y);
  if (a.scapula > 0.0f && r.high_y > -0.73f) add_scapula(r, a.scapula);

  clear(r.clavicles, r.size);
  if (r.meets(a.clavicle_y - a.clavicle_rise - 0.12f, a.clavicle_y + 0.12f)) {
    prepare_clavicles(r);
    sin_in(r, 0);
    sin_in(r, 1);
    prepare_clavicle_tubes(r, a.clavicle_y, a.clavicle_rise);
    exp_in(r, 2, whole);
    add_clavicles(r, a.clavicle_strength);
  }

  clear(r.spine, r.size);
  const Range column = r.where(-0.13f, 0.13f);
  prepare_spine(r, a.vertebra_height, column);
  for (int i = 0; i < 3; ++i) exp_in(r, i, column);
  add_spine(r, a.spine_strength, column);

  add_ribs(r, row_->ribs, a);

  add_up(r, a);
  if (a.gastric_bubble > 0.0f && r.meets(a.lungs[1].base_y - 0.02f, a.lungs[1].base_y + 0.2f))
    subtract_bubble(r, a.gastric_bubble, a.lungs[1].base_y, r.where(0.18f, 0.54f));
  finish(r);
}

}  // namespace xr::data::phantom
