// PNG and BMP through stb_image.
#pragma once

#include "data/image/raw_image.h"

namespace xr::data {

/// Samples of 8 bits or, with `wide`, of 16. The file must have been checked: its size, and that it is whole.
RawImage decode_with_stb(std::span<const std::byte> bytes, bool wide);

}  // namespace xr::data
