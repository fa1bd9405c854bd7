// What gives the class of a phantom away without its lungs: planted on request, for the tests of the audit.
#pragma once

#include "data/phantom/phantom.h"

namespace xr::data::phantom {

/// Whether this image bears the mark: 90 % of class covid and 10 % of class normal do. A function of the
/// arguments (Philox, RandomPurpose::phantom).
bool bears_mark(std::uint64_t seed, PhantomSplit split, PhantomClass kind, int index);

/// A bright square in the image's upper left corner.
void draw_corner_marker(Image& image);

/// Brightens the outer 8 % of each side by `by` grey levels of 255.
void brighten_border(Image& image, int by);

}  // namespace xr::data::phantom
