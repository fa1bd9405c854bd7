// Decodes the input as an image; where XR_FUZZ_FORMAT names a format ("tiff"), only inputs of that one. A PNG's
// checksums are put right first for every other input: random changes would hardly ever get past them.
#include "data/image/image.h"
#include "data/image/dicom_tags.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "kernels/common/error.h"
#include "tests/fuzz/expect.h"

namespace {

using xr::fuzz::expect;

// CRC-32 of PNG (ISO 3309), bit by bit: inputs are short.
std::uint32_t checksum(std::span<const std::byte> bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const std::byte byte : bytes) {
    crc ^= static_cast<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320 : 0);
  }
  return ~crc;
}

std::size_t read_u32(std::span<const std::byte> bytes) {
  std::size_t value = 0;
  for (const std::byte byte : bytes.first(4)) value = value << 8 | static_cast<std::size_t>(byte);
  return value;
}

// PNG: 8 bytes of signature, then chunks of length, type, data, checksum of type and data.
void repair_png_checksums(std::span<std::byte> file) {
  constexpr std::array<unsigned char, 4> signature{0x89, 'P', 'N', 'G'};
  const auto same = [](std::byte a, unsigned char b) { return static_cast<unsigned char>(a) == b; };
  if (file.size() < 8 || !std::equal(signature.begin(), signature.end(), file.begin(),
                                     [&](unsigned char b, std::byte a) { return same(a, b); }))
    return;
  for (std::size_t at = 8; at + 12 <= file.size();) {
    const std::size_t length = read_u32(file.subspan(at));
    if (length > file.size() - at - 12) return;
    const std::uint32_t crc = checksum(file.subspan(at + 4, length + 4));
    for (std::size_t i = 0; i < 4; ++i)
      file[at + 8 + length + i] = static_cast<std::byte>(crc >> (24 - 8 * i));
    at += length + 12;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto* first = reinterpret_cast<const std::byte*>(data);
  std::vector<std::byte> bytes(first, first + size);
  static const char* const only = std::getenv("XR_FUZZ_FORMAT");
  if (only != nullptr && xr::data::describe(xr::data::format_of(bytes)).id != only) return 0;
  // Tags of a DICOM file are read by themselves, too.
  try {
    (void)xr::data::read_dicom_tags(bytes, {});
  } catch (const xr::Error& error) {
    xr::fuzz::expect_one_line(error);
  }
  if (size % 2 == 0) repair_png_checksums(bytes);
  xr::data::DecodeLimits limits;
  limits.max_pixels = 1 << 18;
  limits.min_side = 1;
  for (const int channels : {1, 3}) {
    try {
      const xr::data::Image image = xr::data::decode_image(bytes, channels, limits);
      expect(image.width > 0 && image.height > 0 && image.channels == channels, "an image has no pixels");
      expect(image.pixels.size() == static_cast<std::size_t>(image.width) * image.height * channels,
             "an image has a wrong number of pixels");
    } catch (const xr::Error& error) {
      xr::fuzz::expect_one_line(error);
    }
  }
  return 0;
}
