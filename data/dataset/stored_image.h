// How a decoded image is kept: resized, planar and masked bytes, the facts behind them, and the hash that it is known by.
#pragma once

#include "data/dataset/image_set.h"

#include <cstdint>
#include <span>
#include <vector>

namespace xr::data {

/// That of ImageSet::fingerprints.
[[nodiscard]] std::uint64_t fingerprint_of(const Image& decoded);

/// channels x size x size bytes, planar.
[[nodiscard]] std::vector<std::uint8_t> stored_pixels(const Image& decoded, const StoredFormat& format);

/// Writes the facts that follow the pixels of a slot, at its end.
void write_facts(std::span<std::uint8_t> slot, const PicturePrint& print, const PictureMarks& marks);

}  // namespace xr::data
