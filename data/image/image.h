// Images in host memory: decoding, encoding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace xr::data {

/// 8-bit image, rows from the top, channels interleaved: pixels[(y * width + x) * channels + c].
struct Image {
  int width = 0, height = 0, channels = 0;
  std::vector<std::uint8_t> pixels;
};

/// What a file may claim. Checked against the header, before anything is allocated.
struct DecodeLimits {
  std::uint64_t max_pixels = std::uint64_t{1} << 27;
  int max_side = 65500;
  int min_side = 8;  ///< An image below 8 x 8 is no X-ray.
  std::uint64_t max_file_bytes = std::uint64_t{512} << 20;
};

/// Decodes JPEG, PNG (1 to 16 bit; grey, RGB, palette, alpha), BMP or PGM/PPM, recognised by content, to
/// `channels` = 1 (grey) or 3 (RGB).
/// Grey is ITU-R 601 luma in 16-bit fixed point, as Pillow's convert("L"). Alpha is dropped. 16-bit samples
/// are scaled by 255/65535. Throws xr::Error (one line without a file name) for anything that is not whole:
/// damaged or truncated data is never returned half decoded.
Image decode_image(std::span<const std::byte> bytes, int channels, const DecodeLimits& limits = {});

/// Reads and decodes a file; the error names the file.
Image read_image(const std::filesystem::path& path, int channels, const DecodeLimits& limits = {});

/// PNG bytes of an 8-bit image of 1 or 3 channels.
std::vector<std::byte> encode_png(const Image& image);

/// JPEG bytes of an 8-bit image of 1 or 3 channels; quality 1 to 100.
std::vector<std::byte> encode_jpeg(const Image& image, int quality);

/// Writes a PNG whole or not at all.
void write_png(const std::filesystem::path& path, const Image& image);

}  // namespace xr::data
