#include "data/phantom/phantom_shortcut.h"

#include "kernels/common/random.h"

#include <algorithm>

namespace xr::data::phantom {

bool bears_mark(std::uint64_t seed, PhantomSplit split, PhantomClass kind, int index) {
  constexpr std::uint64_t shortcut_bit = std::uint64_t{1} << 42;  // apart from the streams of the drawings
  const std::uint64_t sub_stream = shortcut_bit | static_cast<std::uint64_t>(split) << 41 |
                                   static_cast<std::uint64_t>(kind) << 40 | static_cast<std::uint64_t>(index);
  Philox random(seed, stream_of(RandomPurpose::phantom, sub_stream));
  return random.uniform() < (kind == PhantomClass::covid ? 0.9f : 0.1f);
}

void draw_corner_marker(Image& image) {
  const int side = std::max(2, image.width / 20), inset = side / 2;
  for (int y = inset; y < inset + side; ++y)
    for (int x = inset; x < inset + side; ++x)
      image.pixels[static_cast<std::size_t>(y) * image.width + x] = 250;
}

void brighten_border(Image& image, int by) {
  const int margin = std::max(1, image.width * 8 / 100);
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x) {
      const bool inside = std::min({x, y, image.width - 1 - x, image.height - 1 - y}) >= margin;
      std::uint8_t& pixel = image.pixels[static_cast<std::size_t>(y) * image.width + x];
      if (!inside) pixel = static_cast<std::uint8_t>(std::min(255, pixel + by));
    }
}

}  // namespace xr::data::phantom
