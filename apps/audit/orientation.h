// An image turned, mirrored or equalised: as pixels, and as its descriptor shows it.
#pragma once

#include "apps/audit/similarity.h"

namespace xr::audit {

/// The eight ways to lay a square on itself: transposed first if bit 2 is set, then left and right swapped
/// (bit 0), then top and bottom (bit 1).
enum class Turn : std::uint8_t {
  none,
  mirrored,
  upside_down,  ///< mirrored at the horizontal axis
  by_180,
  transposed,
  by_90,  ///< clockwise
  by_270,
  anti_transposed
};
constexpr std::size_t turns = 8;

/// What turns the turned image back.
[[nodiscard]] Turn inverse_of(Turn turn);
/// "mirrored", "rotated by 90 degrees"; empty for none.
[[nodiscard]] const char* turn_text(Turn turn);
/// Stable name for files: "none", "mirrored", "upside_down", "rotated_180", ...
[[nodiscard]] const char* turn_name(Turn turn);

[[nodiscard]] Thumbnail turned(const Thumbnail& image, Turn turn);
/// describe(turned(image)) of describe(image): coefficients change place and sign.
[[nodiscard]] Descriptor turned(const Descriptor& descriptor, Turn turn);

/// product(a, turned(b, turn)) for all turns.
[[nodiscard]] std::array<float, turns> turned_products(const Descriptor& a, const Descriptor& b);

/// Each grey level replaced by the part of the pixels that are darker (half of those that are alike): the same
/// for an image and any copy whose grey levels were changed in their order, for example equalised.
[[nodiscard]] Thumbnail equalised(const Thumbnail& image);

/// What stays the same in all turns and with black and white exchanged, of 63 coefficients; the last is 0.
[[nodiscard]] Descriptor invariants(const Descriptor& descriptor);

/// Frequencies above those of the descriptor, up to 16 half waves a side, as bytes of a vector of length 127:
/// what two chests that are merely alike do not share. Zeros for an image without details.
constexpr int detail_side = 16;
constexpr std::size_t detail_length = detail_side * detail_side;
using DetailDescriptor = std::array<std::int8_t, detail_length>;
[[nodiscard]] DetailDescriptor describe_details(const Thumbnail& image);
/// -1 to 1: of a, and b turned.
[[nodiscard]] float detail_likeness(const DetailDescriptor& a, const DetailDescriptor& b, Turn turn);

}  // namespace xr::audit
