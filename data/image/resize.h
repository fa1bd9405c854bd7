// Antialiased bilinear resizing of 8-bit images, as torchvision's Resize on a PIL image (to one grey level:
// Pillow rounds between its two passes, this keeps floats).
#pragma once

#include "data/image/image.h"

namespace xr::data {

/// Resizes to exactly width x height; the aspect ratio may change.
Image resize(const Image& image, int width, int height);

/// Resizes the short side to `short_side` and keeps the centre crop of crop x crop pixels (crop <=
/// short_side). Sizes and offsets as torchvision's Resize(short_side) and CenterCrop(crop); only the crop is
/// computed.
Image resize_and_crop(const Image& image, int short_side, int crop);

}  // namespace xr::data
