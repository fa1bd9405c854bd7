// What lies in the lungs of a phantom: vessels, shadows, patches; and what lies on the film: markers, leads.
#pragma once

#include "data/phantom/phantom_anatomy.h"

namespace xr::data::phantom {

/// The field that is drawn on, with where it may be drawn.
struct Scene {
  const View& view;
  const Anatomy& anatomy;
  Canvas& absorption;
  const Canvas& lungs;  ///< Absorption::lung of every pixel
};

/// Branching vessels from both hila into the lungs.
void draw_vessels(const Scene& scene, Philox& random);

/// Patches of the same number, place, size and mean absorption in both classes: mottled (ground glass) for
/// `mottled`, else smooth.
void draw_patches(const Scene& scene, Philox& random, bool mottled);

/// Leads, side markers: returns nothing in the lungs' range of grey; both classes alike. `film` is the final
/// grey image, 0 to 1.
void draw_leads(const Scene& scene, Philox& random);
void draw_markers(Canvas& film, Philox& random);

}  // namespace xr::data::phantom
