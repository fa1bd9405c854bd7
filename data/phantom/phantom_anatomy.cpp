#include "data/phantom/phantom_anatomy.h"

namespace xr::data::phantom {

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
  heart_cosine = std::cos(heart_tilt);
  heart_sine = std::sin(heart_tilt);
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

}  // namespace xr::data::phantom
