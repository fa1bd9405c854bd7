#include "data/phantom/phantom_anatomy.h"

namespace xr::data::phantom {

namespace {

constexpr int rib_pairs = 9;

float square(float value) {
  return value * value;
}

/// exp(-(distance / width)^2), cut off where it is negligible.
float bump(float distance, float width) {
  const float ratio2 = square(distance / width);
  return ratio2 < 9.0f ? std::exp(-ratio2) : 0.0f;
}

/// A tube seen from the side: brighter at its walls.
float tube(float distance, float half_width) {
  const float d = std::abs(distance) / half_width;
  if (d > 1.6f) return 0.0f;
  return (1.0f - smooth_step(0.55f, 1.5f, d)) * (0.8f + 0.3f * bump(d - 0.7f, 0.4f));
}

/// Chest wall, shoulders, neck: the chord of the beam through the body.
float body(const Anatomy& a, Point p) {
  const float x = std::abs(p.x);
  const float from_neck = std::max(0.0f, x - 0.19f);
  const float shoulder = a.shoulder_y + 0.34f * from_neck + 0.22f * square(from_neck) -
                         (x > 0.19f ? 0.3f * std::exp(-from_neck / 0.05f) : 2.0f);
  const float below_shoulder = smooth_step(-0.02f, 0.10f, p.y - shoulder);
  const float width = a.body_half_width + 0.42f * smooth_step(0.35f, -0.6f, p.y);
  const float across = std::clamp(1.0f - square(x / width), 0.0f, 1.0f);
  return a.body_thickness * std::pow(across, 0.3f) * below_shoulder;
}

float ribs(const Anatomy& a, Point p) {
  const float x = std::abs(p.x);
  if (x < 0.05f || x > a.body_half_width) return 0.0f;
  float sum = 0.0f;
  for (int i = 0; i < rib_pairs; ++i) {
    const float level = static_cast<float>(i);
    const float lateral = std::min(0.40f + 0.08f * level, a.lungs[0].lateral + 0.04f);
    const float u = (x - 0.05f) / (lateral - 0.05f);
    if (u > 1.03f) continue;
    const float start = -0.72f + a.rib_phase + a.rib_spacing * level;
    const float drop = a.rib_slope * (0.5f + 0.09f * level);
    const float posterior = start - 0.05f * std::sin(pi * std::min(u * 1.2f, 1.0f)) + drop * u * u;
    const float thinning = 1.0f - 0.3f * u;
    const float edge = 1.0f - smooth_step(0.94f, 1.03f, u);
    sum += a.rib_strength * edge * tube(p.y - posterior, a.rib_width * thinning);
    if (i < 7 && u > 0.3f) {  // the same rib comes back in front, lower and fainter
      const float anterior = start + drop + 0.42f * (1.0f - u) * (1.2f - 0.4f * u);
      const float fade = smooth_step(0.3f, 0.6f, u);
      sum += 0.45f * a.rib_strength * edge * fade * tube(p.y - anterior, a.rib_width * 1.2f);
    }
  }
  return sum;
}

float clavicles(const Anatomy& a, Point p) {
  const float x = std::abs(p.x);
  if (x < 0.07f || x > 0.85f) return 0.0f;
  const float u = (x - 0.07f) / 0.78f;
  const float y = a.clavicle_y - a.clavicle_rise * u + 0.03f * std::sin(2.0f * pi * u);
  return a.clavicle_strength * smooth_step(0.0f, 0.08f, u) * (1.0f - smooth_step(0.92f, 1.0f, u)) *
         tube(p.y - y, 0.036f - 0.010f * std::sin(pi * u));
}

float spine(const Anatomy& a, Point p) {
  const float x = std::abs(p.x);
  const float column = 1.0f - smooth_step(0.05f, 0.13f, x);
  if (column <= 0.0f) return 0.0f;
  const float phase = p.y / a.vertebra_height;
  const float within = phase - std::floor(phase);
  const float disc = bump(within - 0.5f, 0.14f);
  const float process = bump(x, 0.02f) * bump(within - 0.05f, 0.18f);
  return a.spine_strength * column * (1.0f - 0.4f * disc + 0.35f * process);
}

float heart_and_vessels(const Anatomy& a, Point p) {
  const float dx = p.x - a.heart_x, dy = p.y - a.heart_y;
  const float u = (dx * std::cos(a.heart_tilt) + dy * std::sin(a.heart_tilt)) / a.heart_rx;
  const float v = (-dx * std::sin(a.heart_tilt) + dy * std::cos(a.heart_tilt)) / a.heart_ry;
  const float radius = std::sqrt(u * u + v * v);
  const float heart = 0.62f * (1.0f - smooth_step(0.86f, 1.08f, radius));
  const float middle = p.x - a.mediastinum_bend * p.y;
  const float widening = 0.10f * smooth_step(-0.45f, 0.15f, p.y) * (middle > 0.0f ? 1.6f : 0.8f);
  const float edge = a.mediastinum_half_width + widening;
  const float mediastinum = 0.5f * (1.0f - smooth_step(edge - 0.06f, edge + 0.05f, std::abs(middle)));
  const float knob =
      a.aorta * (1.0f - smooth_step(0.07f, 0.12f, std::hypot(p.x - 0.12f, (p.y + 0.22f) * 0.8f)));
  const float trachea = 0.24f * (1.0f - smooth_step(0.03f, 0.06f, std::abs(p.x - 0.01f))) *
                        (1.0f - smooth_step(-0.35f, -0.2f, p.y));
  float hila = 0.0f;
  for (const float side : {-1.0f, 1.0f})
    hila += 0.2f * bump(p.x - side * 0.2f, 0.09f) * bump(p.y + 0.02f + 0.03f * side, 0.15f);
  return std::max(heart, mediastinum) + 0.35f * std::min(heart, mediastinum) + knob + hila - trachea;
}

/// Soft shadows in front of the lungs that everybody may have.
float overlays(const Anatomy& a, Point p) {
  const float x = std::abs(p.x);
  float sum = 0.0f;
  if (a.breast > 0.0f) {
    const float radius = std::hypot((x - 0.45f) / 0.36f, (p.y - a.breast_y) / 0.30f);
    sum += a.breast * (1.0f - smooth_step(0.75f, 1.05f, radius)) *
           smooth_step(-0.35f, 0.3f, p.y - a.breast_y + 0.1f);
  }
  if (a.scapula > 0.0f) {
    const float inner = 0.60f + 0.10f * (p.y + 0.3f);
    const float height =
        smooth_step(-0.72f, -0.6f, p.y) * (1.0f - smooth_step(-0.12f, 0.0f, p.y + 0.4f * (0.8f - x)));
    sum += a.scapula * height * smooth_step(0.0f, 0.03f, x - inner) * (1.0f - smooth_step(0.9f, 1.0f, x));
  }
  return sum;
}

}  // namespace

Anatomy::Anatomy(Philox& random) {
  const float inspiration = random.uniform(-0.09f, 0.08f);
  const float width = random.uniform(0.64f, 0.76f);
  for (int i = 0; i < 2; ++i) {
    Lung& lung = lungs[i];
    lung.side = i == 0 ? -1.0f : 1.0f;
    lung.apex_y = -0.74f + random.uniform(-0.03f, 0.03f);
    lung.base_y = 0.50f + inspiration + (i == 1 ? 0.05f : 0.0f) + random.uniform(-0.03f, 0.03f);
    lung.dome = random.uniform(0.10f, 0.20f);
    lung.lateral = width + random.uniform(-0.03f, 0.03f);
    lung.medial = random.uniform(0.05f, 0.08f);
  }
  body_half_width = width + random.uniform(0.13f, 0.26f);
  body_thickness = random.uniform(0.85f, 1.15f);
  shoulder_y = random.uniform(-1.0f, -0.9f);
  heart_rx = random.uniform(0.28f, 0.40f);
  heart_ry = random.uniform(0.21f, 0.29f);
  heart_x = random.uniform(0.08f, 0.16f);
  heart_y = 0.27f + inspiration + random.uniform(-0.05f, 0.05f);
  heart_tilt = random.uniform(0.35f, 0.7f);
  mediastinum_half_width = random.uniform(0.10f, 0.15f);
  mediastinum_bend = random.uniform(-0.05f, 0.05f);
  aorta = random.uniform(0.08f, 0.22f);
  rib_spacing = random.uniform(0.13f, 0.155f);
  rib_slope = random.uniform(0.22f, 0.42f);
  rib_strength = random.uniform(0.06f, 0.17f);
  rib_width = random.uniform(0.026f, 0.036f);
  rib_phase = random.uniform(-0.05f, 0.05f);
  clavicle_y = -0.56f + random.uniform(-0.06f, 0.06f);
  clavicle_rise = random.uniform(0.06f, 0.22f);
  clavicle_strength = random.uniform(0.13f, 0.25f);
  spine_strength = random.uniform(0.08f, 0.2f);
  vertebra_height = random.uniform(0.105f, 0.125f);
  breast = random.uniform() < 0.45f ? random.uniform(0.05f, 0.22f) : 0.0f;
  breast_y = random.uniform(0.18f, 0.34f);
  scapula = random.uniform() < 0.6f ? random.uniform(0.05f, 0.15f) : 0.0f;
  gastric_bubble = random.uniform() < 0.5f ? random.uniform(0.15f, 0.4f) : 0.0f;
  lung_air = random.uniform(0.56f, 0.74f);
}

float lung_depth(const Lung& lung, Point p) {
  const float x = p.x * lung.side;
  const float t = (p.y - lung.apex_y) / (lung.base_y - lung.apex_y);
  if (x < 0.0f || t < 0.0f || t > 1.3f) return -1.0f;
  const float rise = std::sin(0.5f * pi * std::min(1.0f, t / 0.7f));
  const float apex_round = std::sqrt(std::max(0.0f, 1.0f - square(std::max(0.0f, 1.0f - t / 0.16f))));
  const float lateral = 0.25f + 0.17f * apex_round + (lung.lateral - 0.42f) * rise;
  const float medial = 0.25f - (0.25f - lung.medial) * apex_round;
  const float arch = 1.0f - square((x - 0.34f) / 0.38f);
  const float diaphragm = lung.base_y + 0.06f - lung.dome * std::max(arch, -0.4f);
  return std::min({x - medial, lateral - x, diaphragm - p.y});
}

float lung_mask(const Anatomy& anatomy, Point p) {
  const Lung& lung = anatomy.lungs[p.x < 0.0f ? 0 : 1];
  return smooth_step(-0.012f, 0.016f, lung_depth(lung, p));
}

float absorption(const Anatomy& a, Point p) {
  const float wall = body(a, p);
  if (wall <= 0.0f) return 0.0f;
  const Lung& lung = a.lungs[p.x < 0.0f ? 0 : 1];
  const float depth = lung_depth(lung, p);
  const float mask = smooth_step(-0.012f, 0.016f, depth);
  const float air = mask * (0.62f + 0.38f * std::sqrt(std::clamp(depth / 0.25f, 0.0f, 1.0f)));
  const float inside = smooth_step(0.0f, 0.25f, wall);
  const float below = smooth_step(-0.1f, 0.3f, p.y - lung.base_y + lung.dome) * (1.0f - mask);
  float sum = wall - a.lung_air * air * a.body_thickness;
  const float bones = ribs(a, p) * (1.0f - 0.6f * below) + clavicles(a, p) + spine(a, p);
  sum += inside * (heart_and_vessels(a, p) * (1.0f - 0.5f * below) + bones + overlays(a, p));
  sum += 0.3f * below * inside;
  if (a.gastric_bubble > 0.0f)
    sum -= a.gastric_bubble * below *
           (1.0f -
            smooth_step(0.7f, 1.1f, std::hypot((p.x - 0.36f) / 0.16f, (p.y - lung.base_y - 0.09f) / 0.09f)));
  return std::max(sum, 0.02f);
}

}  // namespace xr::data::phantom
