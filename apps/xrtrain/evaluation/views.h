// Test-time augmentation: the views of an image whose probabilities are averaged.
//
// View 0 is the image itself. Each other view is one draw of AugmentSettings::mild_geometry() (rotation, shift,
// zoom; no flips), the same for all images, of Philox with seed 0, epoch `view`, image 0: what is predicted of an
// image depends on no other image, and view v is the same in every evaluation.
#pragma once

#include <cstdint>

#include "data/loader/augment.h"

namespace xr::apps {

constexpr int max_views = 64;
constexpr std::uint64_t view_seed = 0;

inline constexpr const char* views_help =
    "Test-time augmentation: average over N views of each image; the first is the image itself";

/// `evaluation`, which only normalises, with the changes of a view.
[[nodiscard]] data::AugmentSettings view_settings(const data::AugmentSettings& evaluation, std::int64_t view);

/// What view_settings() draws for an image that is stored with this side, in pixels.
[[nodiscard]] data::AugmentDraw draw_view(const data::AugmentSettings& settings, int side, std::int64_t view);

}  // namespace xr::apps
