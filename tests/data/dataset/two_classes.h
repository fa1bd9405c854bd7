// Images of two classes, and how they are loaded.
#pragma once

#include "data/dataset/image_set.h"
#include "tests/data/support.h"

namespace xr::data::test {

inline const std::vector<std::string> classes = {"a", "b"};

/// Images of 20 x 20 pixels, a/00.png and so on, below `folder`.
inline std::vector<Sample> make_images(const fs::path& folder, int per_class) {
  std::vector<Sample> samples;
  for (int c = 0; c < 2; ++c)
    for (int i = 0; i < per_class; ++i) {
      samples.push_back({fmt::format("{}/{:02}.png", classes[c], i), c, ""});
      make_png(folder / samples.back().path, 100 * c + i, 20);
    }
  return samples;
}

/// 12 x 12 pixels, kept in FOLDER/cache.
inline LoadSettings settings_for(const TemporaryFolder& folder, int channels = 1) {
  LoadSettings settings;
  settings.format = {StoredShape::square, 12, channels};
  settings.cache_directory = folder / "cache";
  settings.workers = 2;
  return settings;
}

inline std::vector<std::uint8_t> pixels_of(const ImageSet& set) {
  std::vector<std::uint8_t> pixels;
  for (std::size_t i = 0; i < set.count(); ++i)
    pixels.insert(pixels.end(), set.image(i).begin(), set.image(i).end());
  return pixels;
}

}  // namespace xr::data::test
