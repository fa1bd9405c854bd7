#include "apps/html/picture.h"

#include <fmt/core.h>

namespace xr::html {

Markup picture(const data::Image& image, std::string_view alternative) {
  return Markup::raw(fmt::format(R"(<img src="data:image/png;base64,{}" width="{}" height="{}" alt="{}"/>)",
                                 base64(data::encode_png(image)), image.width, image.height,
                                 escape(alternative)));
}

namespace {

/// A picture that a click, or the space bar, enlarges to the window, without a script.
Markup enlargeable(const data::Image& image, const std::string& alternative) {
  const Markup box = Markup::raw(
      fmt::format(R"(<input type="checkbox" aria-label="{}"/>)", escape("Enlarge: " + alternative)));
  return element("label", box + picture(image, alternative), "class=\"zoom\"");
}

}  // namespace

Markup thumbnails(const std::vector<Thumbnail>& items) {
  Markup grid;
  for (const Thumbnail& item : items) {
    Markup pictures;
    for (const data::Image& image : item.images) pictures += enlargeable(image, item.alternative);
    grid += element("figure",
                    element("div", pictures, "class=\"pictures\"") + element("figcaption", item.caption),
                    item.images.size() > 1 ? "class=\"thumbnail pair\"" : "class=\"thumbnail\"");
  }
  return items.empty() ? Markup() : element("div", grid, "class=\"thumbnails\"");
}

}  // namespace xr::html
