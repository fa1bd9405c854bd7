// How alike two images are, whatever their size, exposure and a few percent of their border.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "data/dataset/picture_print.h"

namespace xr::audit {

using data::Thumbnail;
using data::thumbnail_pixels;
using data::thumbnail_side;

/// The part of an image that remains when these fractions of its sides are cut off.
struct Crop {
  float left = 0, top = 0, right = 0, bottom = 0;
};

/// The crops that descriptors are made of; the first is the whole image. Between them they bring a copy that
/// lost up to 5 % of any side near enough to be found.
constexpr std::array<Crop, 8> crops = {{{0, 0, 0, 0},
                                        {0.02f, 0.02f, 0.02f, 0.02f},
                                        {0.04f, 0.04f, 0.04f, 0.04f},
                                        {0.06f, 0.06f, 0.06f, 0.06f},
                                        {0.03f, 0.03f, 0, 0},
                                        {0.03f, 0, 0, 0.03f},
                                        {0, 0.03f, 0.03f, 0},
                                        {0, 0, 0.03f, 0.03f}}};

/// Low frequencies of a crop as a vector of length 1: the 8 x 8 first coefficients of the discrete cosine
/// transform of 32 x 32 pixels without the mean, each times the square root of its frequency. Two crops are
/// as alike as their scalar product says.
constexpr int descriptor_side = 8;
constexpr std::size_t descriptor_length = std::size_t{descriptor_side} * descriptor_side;
using Descriptor = std::array<float, descriptor_length>;

/// All zeros for an image without any contrast.
[[nodiscard]] Descriptor describe(const Thumbnail& thumbnail, const Crop& crop);

/// A crop, resized to the whole.
[[nodiscard]] Thumbnail cropped(const Thumbnail& thumbnail, const Crop& crop);

/// Standard deviation of the grey levels, 0 to 127.5.
[[nodiscard]] double contrast(const Thumbnail& thumbnail);

struct Likeness {
  double correlation = 0;  ///< Pearson's, of the pixels that both images show once they are aligned
  double detail = 0;       ///< the same without what a blur of 5 x 5 pixels leaves: edges, ribs, letters
  double cut = 1;          ///< largest part of a side that one image shows and the other does not
};

/// Aligns `b` to `a` (scale and shift of each axis, gain and offset of the grey levels; Gauss-Newton,
/// Lucas and Kanade 1981) beginning with: the whole of `a` is this crop of `b`.
[[nodiscard]] Likeness align_and_compare(const Thumbnail& a, const Thumbnail& b, const Crop& crop_of_b);

/// Pearson's correlation of the whole of one image with the other, or with a crop of it that cuts at most 4 %
/// off a side: the highest. Nothing is aligned.
[[nodiscard]] double plain_correlation(const Thumbnail& a, const Thumbnail& b);

}  // namespace xr::audit
