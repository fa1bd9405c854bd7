// Run-length coded BMP files (RLE8, RLE4), which stb_image does not read.
#pragma once

#include "data/image/raw_image.h"

namespace xr::data {

[[nodiscard]] bool is_run_length_bmp(std::span<const std::byte> bytes);

/// RGB by the palette; pixels that the runs leave out have the palette's first colour.
RawImage decode_run_length_bmp(std::span<const std::byte> bytes, const ImageHeader& header);

}  // namespace xr::data
