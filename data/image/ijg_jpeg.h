// JPEG processes that libjpeg-turbo does not decode: lossless (T.81, annex H) and 12-bit, through the IJG's
// library as GDCM builds it, once for each range of sample sizes.
#pragma once

#include "data/image/jpeg_markers.h"
#include "data/image/raw_image.h"

namespace xr::data {

/// Whether the library was found and this process is one of them.
[[nodiscard]] bool can_decode_with_ijg(const JpegFrame& frame);

/// Throws xr::Error as ImageReader::decode.
[[nodiscard]] RawImage decode_with_ijg(std::span<const std::byte> bytes, const JpegFrame& frame);

}  // namespace xr::data
