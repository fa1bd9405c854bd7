// The IJG's library for samples of up to 16 bits.
#include <cstddef>
#include <cstdio>

extern "C" {  // GDCM's headers do not say so
#include <gdcmjpeg/16/jpeglib.h>

#include <gdcmjpeg/16/jerror.h>
}

#include <algorithm>

#include "data/image/ijg/body.inc"

namespace xr::data::ijg {

void decode_16(std::span<const std::byte> bytes, std::size_t max_samples, Result& result) {
  decode(bytes, max_samples, result);
}

}  // namespace xr::data::ijg
