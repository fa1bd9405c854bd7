// The orientation that a camera or scanner recorded (EXIF, CIPA DC-008).
#pragma once

#include <cstddef>
#include <span>

namespace xr::data {

/// The orientation of an EXIF block (a TIFF header and its first directory): 1 to 8; 1 if it has none or is
/// damaged.
[[nodiscard]] int exif_orientation(std::span<const std::byte> block);

}  // namespace xr::data
