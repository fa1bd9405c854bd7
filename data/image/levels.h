// From stored samples to an 8-bit image: scale, invert, orient, grey or RGB.
#pragma once

#include "data/image/raw_image.h"

namespace xr::data {

/// Fills the notes that depend on the samples: depth, scaled_by, orientation, frames, transparency, one_level.
Image to_levels(RawImage raw, int channels, const SampleDepths& depths, ImageNotes& notes);

}  // namespace xr::data
