// The patient of a phantom image: drawn proportions, and the absorption of each part.
#pragma once

#include "data/phantom/phantom_canvas.h"

#include <array>

namespace xr::data::phantom {

/// One lung. `side` is -1 for the one at the image's left. Distances are measured outwards from the middle
/// line.
struct Lung {
  float side = 1;
  float apex_y = -0.7f, base_y = 0.45f, dome = 0.14f;
  float lateral = 0.7f, medial = 0.11f;
};

/// The proportions of one patient.
struct Anatomy {
  explicit Anatomy(Philox& random);

  std::array<Lung, 2> lungs;
  float body_half_width, body_thickness, shoulder_y;
  float heart_x, heart_y, heart_rx, heart_ry, heart_tilt;
  float mediastinum_half_width, mediastinum_bend, aorta;
  float rib_spacing, rib_slope, rib_strength, rib_width, rib_phase;
  float clavicle_y, clavicle_rise, clavicle_strength;
  float spine_strength, vertebra_height;
  float breast, breast_y, scapula;  ///< strengths; 0: not there
  float gastric_bubble;
  float lung_air;                  ///< how much darker the lungs are
  float heart_cosine, heart_sine;  ///< of heart_tilt
};

/// How far inside the lung a point lies, in patient units; negative outside.
float lung_depth(const Lung& lung, Point p);

}  // namespace xr::data::phantom
