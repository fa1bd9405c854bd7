// What is known of all pixels of a set of images together: kept in the cache, as a large set takes long to read.
#pragma once

#include <array>
#include <cstdint>

namespace xr::data {

struct ImageSet;

struct PixelSummary {
  std::uint64_t hash = 0;                          ///< content_hash of all images, one after another
  std::array<std::uint64_t, 3> sums{}, squares{};  ///< of the bytes of each channel, exact

  bool operator==(const PixelSummary&) const = default;
};

/// Reads all images of the set, whatever ImageSet::summary is. The result does not depend on the number of cores.
[[nodiscard]] PixelSummary summarize(const ImageSet& images);

}  // namespace xr::data
