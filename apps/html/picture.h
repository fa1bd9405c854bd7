// Pictures inside a page.
#pragma once

#include <string_view>
#include <vector>

#include "apps/html/markup.h"
#include "data/image/image.h"

namespace xr::html {

/// <img> with the PNG as a data URI. `alternative` says what the picture shows to who cannot see it.
[[nodiscard]] Markup picture(const data::Image& image, std::string_view alternative);

struct Thumbnail {
  std::vector<data::Image> images;  ///< shown side by side: the original, its overlay
  std::string alternative;
  Markup caption;
};

/// A grid of captioned pictures, as many in a row as the page has room for. Each opens as large as the window.
[[nodiscard]] Markup thumbnails(const std::vector<Thumbnail>& items);

}  // namespace xr::html
