#include "data/image/levels.h"

#include <algorithm>
#include <cstddef>

namespace xr::data {

namespace {

/// Samples of more than 8 bits to 0..255, rounded. Alpha is scaled alike: only "opaque" is asked of it.
void scale_words(RawImage& raw, const SampleDepths& depths, ImageNotes& notes) {
  std::uint32_t white = raw.white;
  if (white == 0) {
    const int colours = raw.channels <= 2 ? 1 : 3;
    std::uint32_t greatest = 0;
    for (std::size_t i = 0; i < raw.words.size(); ++i)
      if (static_cast<int>(i % static_cast<std::size_t>(raw.channels)) < colours)
        greatest = std::max<std::uint32_t>(greatest, raw.words[i]);
    notes.depth = depth_of(greatest);
    notes.scaled_by = depths.scale_for(notes.depth);
    white = (1u << notes.scaled_by) - 1;
  }
  raw.bytes.resize(raw.words.size());
  std::ranges::transform(raw.words, raw.bytes.begin(), [white](std::uint32_t sample) {
    return static_cast<std::uint8_t>((std::min(sample, white) * 255u + white / 2) / white);
  });
  raw.words.clear();
  raw.words.shrink_to_fit();
}

/// Whether the first `count` channels have the same values in every pixel.
bool is_one_level(const RawImage& raw, int count) {
  const auto channels = static_cast<std::size_t>(raw.channels);
  for (std::size_t i = 0; i < raw.bytes.size(); i += channels)
    if (!std::equal(raw.bytes.begin(), raw.bytes.begin() + count,
                    raw.bytes.begin() + static_cast<std::ptrdiff_t>(i)))
      return false;
  return true;
}

Transparency transparency_of(const RawImage& raw) {
  if (raw.channels % 2 != 0) return Transparency::none;
  const auto channels = static_cast<std::size_t>(raw.channels);
  bool opaque = true, same = true;
  const std::uint8_t first = raw.bytes[channels - 1];
  for (std::size_t i = channels - 1; i < raw.bytes.size(); i += channels) {
    opaque = opaque && raw.bytes[i] == 255;
    same = same && raw.bytes[i] == first;
  }
  if (opaque) return Transparency::none;
  return !same && is_one_level(raw, raw.channels - 1) ? Transparency::picture_in_alpha : Transparency::some;
}

/// ITU-R 601 luma in 16-bit fixed point.
template <std::size_t Stride>
void luma(const std::uint8_t* from, std::size_t count, std::uint8_t* to) {
  for (std::size_t i = 0; i < count; ++i)
    to[i] = static_cast<std::uint8_t>((from[i * Stride] * 19595u + from[i * Stride + 1] * 38470u +
                                       from[i * Stride + 2] * 7471u + 0x8000u) >>
                                      16);
}

/// From grey, grey + alpha, RGB or RGBA to grey or RGB.
Image convert(RawImage source, int channels) {
  Image result{source.width, source.height, channels, {}};
  if (source.channels == channels) {
    result.pixels = std::move(source.bytes);
    return result;
  }
  const std::size_t count = static_cast<std::size_t>(source.width) * static_cast<std::size_t>(source.height);
  result.pixels.resize(count * static_cast<std::size_t>(channels));
  const std::uint8_t* const from = source.bytes.data();
  std::uint8_t* const to = result.pixels.data();
  if (channels == 1 && source.channels == 3) {
    luma<3>(from, count, to);
  } else if (channels == 1 && source.channels == 4) {
    luma<4>(from, count, to);
  } else {
    const auto stride = static_cast<std::size_t>(source.channels), out = static_cast<std::size_t>(channels);
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t c = 0; c < out; ++c) to[i * out + c] = from[i * stride + (stride >= 3 ? c : 0)];
  }
  return result;
}

/// Applies an EXIF orientation (CIPA DC-008, "Orientation"): 2 mirrored, 3 turned by 180 degrees, 4 upside
/// down mirrored, 5 to 8 with rows and columns exchanged.
Image oriented(Image source, int orientation) {
  if (orientation <= 1 || orientation > 8) return source;
  const bool exchanged = orientation >= 5;
  Image result{exchanged ? source.height : source.width, exchanged ? source.width : source.height,
               source.channels, std::vector<std::uint8_t>(source.pixels.size())};
  const bool flip_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool flip_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  std::uint8_t* to = result.pixels.data();
  for (int y = 0; y < result.height; ++y)
    for (int x = 0; x < result.width; ++x) {
      const int column = exchanged ? y : x, row = exchanged ? x : y;
      const int from_x = flip_x ? source.width - 1 - column : column;
      const int from_y = flip_y ? source.height - 1 - row : row;
      const std::uint8_t* from =
          source.pixels.data() + (static_cast<std::size_t>(from_y) * static_cast<std::size_t>(source.width) +
                                  static_cast<std::size_t>(from_x)) *
                                     static_cast<std::size_t>(source.channels);
      to = std::copy(from, from + source.channels, to);
    }
  return result;
}

}  // namespace

Image to_levels(RawImage raw, int channels, const SampleDepths& depths, ImageNotes& notes) {
  if (!raw.words.empty()) scale_words(raw, depths, notes);
  notes.orientation = raw.orientation;
  notes.frames = raw.frames;
  notes.window = std::move(raw.window);
  notes.transparency = transparency_of(raw);
  const bool inverted = raw.inverted;
  const int orientation = raw.orientation;
  Image image = convert(std::move(raw), channels);
  if (inverted)
    for (std::uint8_t& pixel : image.pixels) pixel = static_cast<std::uint8_t>(255 - pixel);
  const auto pixel_bytes = static_cast<std::ptrdiff_t>(channels);
  notes.one_level = std::equal(image.pixels.begin() + pixel_bytes, image.pixels.end(), image.pixels.begin());
  return oriented(std::move(image), orientation);
}

}  // namespace xr::data
