// Images in host memory: decoding, encoding.
#pragma once

#include "data/image/image_format.h"
#include "data/image/sample_depth.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
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

enum class Transparency {
  none,
  some,              ///< There is an alpha channel with values other than opaque; it is dropped.
  picture_in_alpha,  ///< The colours are all the same: the picture is in the alpha channel alone.
};

/// What someone should know of how an image was decoded.
struct ImageNotes {
  ImageFormat format{};
  int stored_channels = 0;  ///< as ImageHeader::channels
  int stored_bits = 0;      ///< as ImageHeader::bits
  int depth = 0;            ///< depth_of the greatest sample, where the bits in use decide; else 0
  int scaled_by = 0;        ///< Bits that the samples were scaled by, where `depth` is not 0.
  int orientation = 1;      ///< EXIF orientation that was applied.
  int frames = 1;           ///< Frames or pages of the file; the first is used.
  Transparency transparency = Transparency::none;
  bool one_level = false;  ///< All pixels have the same value.
  std::string window;      ///< DICOM: which of several windows was applied; else empty.
};

/// Why there is nothing to predict from such an image, "all of its pixels have one grey level"; empty if there
/// is.
[[nodiscard]] std::string blank_reason(const ImageNotes& notes);

struct DecodedImage {
  Image image;
  ImageNotes notes;
};

/// Decodes a file's content, recognised by its first bytes, to `channels` = 1 (grey) or 3 (RGB). What is read:
/// formats of ContentKind::image, as far as this build has their libraries (supported_formats).
///
/// EXIF orientation is applied. Grey is ITU-R 601 luma in 16-bit fixed point, as Pillow's convert("L"). CMYK
/// is converted without a colour profile. Alpha is dropped: colours are those that are stored. Of a file with
/// several frames or pages the first is used. Samples of more than 8 bits are scaled by the greatest value
/// that the file states, else by their bits in use (`depths`).
///
/// Throws xr::Error (one line without a file name) with a code: not_an_image, image_unsupported,
/// image_library_missing, image_truncated, image_damaged, image_size. Damaged or truncated data is never
/// returned half decoded.
DecodedImage decode_with_notes(std::span<const std::byte> bytes, int channels,
                               const DecodeLimits& limits = {}, const SampleDepths& depths = {});

/// The image alone.
Image decode_image(std::span<const std::byte> bytes, int channels, const DecodeLimits& limits = {});

/// Reads and decodes a file; the error names the file.
DecodedImage read_with_notes(const std::filesystem::path& path, int channels, const DecodeLimits& limits = {},
                             const SampleDepths& depths = {});
Image read_image(const std::filesystem::path& path, int channels, const DecodeLimits& limits = {});

/// From grey, grey + alpha, RGB or RGBA to `channels` = 1 or 3, as decode_image does.
Image with_channels(Image image, int channels);

/// Whether this build reads a format, and the Debian package that it would need; for formats of
/// ContentKind::image.
struct FormatSupport {
  ImageFormat format;
  bool supported;
  std::string_view package;  ///< empty: always there
};
[[nodiscard]] std::vector<FormatSupport> supported_formats();

/// PNG bytes of an 8-bit image of 1 or 3 channels.
std::vector<std::byte> encode_png(const Image& image);

/// JPEG bytes of an 8-bit image of 1 or 3 channels; quality 1 to 100.
std::vector<std::byte> encode_jpeg(const Image& image, int quality);

/// Writes a PNG whole or not at all.
void write_png(const std::filesystem::path& path, const Image& image);

}  // namespace xr::data
