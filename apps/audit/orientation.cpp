#include "apps/audit/orientation.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace xr::audit {

namespace {

constexpr unsigned swaps_x = 1, swaps_y = 2, transposes = 4;

unsigned bits(Turn turn) {
  return static_cast<unsigned>(turn);
}

/// cosines[k][x] of the transform DCT-II of a thumbnail's rows and columns.
struct DetailCosines {
  float value[detail_side][thumbnail_side];
  DetailCosines() {
    for (int k = 0; k < detail_side; ++k)
      for (int x = 0; x < thumbnail_side; ++x)
        value[k][x] = static_cast<float>(std::cos(std::numbers::pi * k * (x + 0.5) / thumbnail_side));
  }
};

}  // namespace

Turn inverse_of(Turn turn) {
  if (turn == Turn::by_90) return Turn::by_270;
  if (turn == Turn::by_270) return Turn::by_90;
  return turn;
}

const char* turn_text(Turn turn) {
  switch (turn) {
    case Turn::mirrored:
      return "mirrored";
    case Turn::upside_down:
      return "upside down and mirrored";
    case Turn::by_180:
      return "rotated by 180 degrees";
    case Turn::transposed:
    case Turn::anti_transposed:
      return "rotated by 90 degrees and mirrored";
    case Turn::by_90:
    case Turn::by_270:
      return "rotated by 90 degrees";
    default:
      return "";
  }
}

const char* turn_name(Turn turn) {
  constexpr const char* names[turns] = {"none",       "mirrored",   "upside_down", "rotated_180",
                                        "transposed", "rotated_90", "rotated_270", "anti_transposed"};
  return names[bits(turn)];
}

Thumbnail turned(const Thumbnail& image, Turn turn) {
  constexpr std::size_t last = thumbnail_side - 1;
  Thumbnail result;
  for (std::size_t y = 0; y < thumbnail_side; ++y)
    for (std::size_t x = 0; x < thumbnail_side; ++x) {
      std::size_t from_x = bits(turn) & swaps_x ? last - x : x, from_y = bits(turn) & swaps_y ? last - y : y;
      if (bits(turn) & transposes) std::swap(from_x, from_y);
      result[y * thumbnail_side + x] = image[from_y * thumbnail_side + from_x];
    }
  return result;
}

Descriptor turned(const Descriptor& descriptor, Turn turn) {
  Descriptor result;
  for (std::size_t k = 0; k < descriptor_side; ++k)
    for (std::size_t l = 0; l < descriptor_side; ++l) {
      const float value =
          descriptor[bits(turn) & transposes ? l * descriptor_side + k : k * descriptor_side + l];
      const bool negative = ((bits(turn) & swaps_x) && l % 2 == 1) != ((bits(turn) & swaps_y) && k % 2 == 1);
      result[k * descriptor_side + l] = negative ? -value : value;
    }
  return result;
}

std::array<float, turns> turned_products(const Descriptor& a, const Descriptor& b) {
  std::array<float, turns> result{};
  for (const unsigned transposed : {0u, transposes}) {
    float sums[2][2] = {};  // by the parity of k and of l
    for (std::size_t k = 0; k < descriptor_side; ++k)
      for (std::size_t l = 0; l < descriptor_side; ++l)
        sums[k % 2][l % 2] +=
            a[k * descriptor_side + l] * b[transposed ? l * descriptor_side + k : k * descriptor_side + l];
    for (unsigned swaps = 0; swaps < 4; ++swaps) {
      const float x = swaps & swaps_x ? -1.0f : 1.0f, y = swaps & swaps_y ? -1.0f : 1.0f;
      result[transposed | swaps] = sums[0][0] + x * sums[0][1] + y * (sums[1][0] + x * sums[1][1]);
    }
  }
  return result;
}

Thumbnail equalised(const Thumbnail& image) {
  std::array<std::uint32_t, 256> count{};
  for (const std::uint8_t pixel : image) ++count[pixel];
  std::array<std::uint8_t, 256> level{};
  std::uint32_t darker = 0;
  for (std::size_t grey = 0; grey < 256; ++grey) {
    level[grey] = static_cast<std::uint8_t>((2 * darker + count[grey]) * 255 / (2 * thumbnail_pixels));
    darker += count[grey];
  }
  Thumbnail result;
  std::ranges::transform(image, result.begin(), [&](std::uint8_t pixel) { return level[pixel]; });
  return result;
}

Descriptor invariants(const Descriptor& descriptor) {
  Descriptor result{};
  std::size_t at = 0;
  for (std::size_t k = 0; k < descriptor_side; ++k)
    for (std::size_t l = k; l < descriptor_side; ++l) {
      const float a = std::abs(descriptor[k * descriptor_side + l]),
                  b = std::abs(descriptor[l * descriptor_side + k]);
      if (l == 0) continue;  // the mean, which is left out
      if (k == l) {
        result[at++] = a;
      } else {
        result[at++] = (a + b) * static_cast<float>(std::numbers::sqrt2 / 2);
        result[at++] = std::abs(a - b) * static_cast<float>(std::numbers::sqrt2 / 2);
      }
    }
  return result;
}

DetailDescriptor describe_details(const Thumbnail& image) {
  static const DetailCosines cosines;
  static_assert(detail_side % 8 == 0);
  float columns[detail_side][thumbnail_side] = {};  // transformed along y
  for (std::size_t y = 0; y < thumbnail_side; ++y)
    for (std::size_t k = 0; k < detail_side; ++k)
      for (std::size_t x = 0; x < thumbnail_side; ++x)
        columns[k][x] += cosines.value[k][y] * image[y * thumbnail_side + x];
  std::array<float, detail_length> values{};
  double squares = 0;
  for (std::size_t k = 0; k < detail_side; ++k)
    for (std::size_t l = 0; l < detail_side; ++l) {
      if (k < descriptor_side && l < descriptor_side) continue;
      float sum = 0;
      for (std::size_t x = 0; x < thumbnail_side; ++x) sum += cosines.value[l][x] * columns[k][x];
      values[k * detail_side + l] = sum;
      squares += static_cast<double>(sum) * sum;
    }
  DetailDescriptor result{};
  if (squares < 1) return result;
  const auto scale = static_cast<float>(127 / std::sqrt(squares));
  for (std::size_t i = 0; i < detail_length; ++i)
    result[i] = static_cast<std::int8_t>(std::lround(values[i] * scale));
  return result;
}

float detail_likeness(const DetailDescriptor& a, const DetailDescriptor& b, Turn turn) {
  int sum = 0, squares_a = 0, squares_b = 0;
  for (std::size_t k = 0; k < detail_side; ++k)
    for (std::size_t l = 0; l < detail_side; ++l) {
      const std::size_t place = bits(turn) & transposes ? l * detail_side + k : k * detail_side + l;
      const std::int8_t of_a = a[k * detail_side + l], of_b = b[place];
      const bool negative = ((bits(turn) & swaps_x) && l % 2 == 1) != ((bits(turn) & swaps_y) && k % 2 == 1);
      sum += negative ? -of_a * of_b : of_a * of_b;
      squares_a += of_a * of_a;
      squares_b += of_b * of_b;
    }
  if (squares_a == 0 || squares_b == 0) return 0;
  return static_cast<float>(sum / std::sqrt(static_cast<double>(squares_a) * squares_b));
}

}  // namespace xr::audit
