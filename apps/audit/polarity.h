// Which images of a set have black and white exchanged, by the set itself: an X-ray of a chest is like what all have
// in common, or like its negative.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "data/dataset/picture_print.h"

namespace xr::audit {

struct Polarity {
  std::vector<std::size_t> inverted;  ///< Places in the list, of the smaller of two groups.
  std::string why_not;                ///< Why it cannot be told; empty if it can.
};

/// An image is told from its negative by a correlation with the common picture of at least this.
constexpr double min_polarity = 0.4;
constexpr std::size_t min_polarity_images = 10;

/// The common picture is the first principal component of all thumbnails (16 x 16, each with mean 0 and length 1), found
/// by power iteration: it is the same whichever of them are inverted. If half of the images correlate with it by
/// less than min_polarity, they have too little in common, and nothing is claimed. An image that is turned by a
/// quarter or more may be like the negative of the upright ones: it is none of the inverted if one of its eight turns and
/// mirrorings is about as like the common picture as any of them is like its negative.
[[nodiscard]] Polarity find_inverted(std::span<const data::Thumbnail* const> images);

}  // namespace xr::audit
