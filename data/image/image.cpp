#include "data/image/image.h"

#include "data/image/levels.h"
#include "data/image/raw_image.h"
#include "engine/io/file.h"
#include "kernels/common/error.h"
#include "kernels/common/error_codes.h"

#include <algorithm>

namespace xr::data {

namespace {

void check_size(const ImageHeader& header, const DecodeLimits& limits) {
  const auto side = static_cast<std::uint64_t>(limits.max_side);
  XR_CHECK_CODE(
      header.width <= side && header.height <= side && header.width * header.height <= limits.max_pixels,
      error_code::image_size,
      "the file claims {} x {} pixels, more than the limit of {} a side and {} million in all", header.width,
      header.height, limits.max_side, limits.max_pixels / 1000000);
  const auto least = static_cast<std::uint64_t>(std::max(1, limits.min_side));
  XR_CHECK_CODE(header.width >= least && header.height >= least, error_code::image_size,
                "{} x {} pixels are too few for an X-ray: the least is {} x {}", header.width, header.height,
                least, least);
}

}  // namespace

std::string blank_reason(const ImageNotes& notes) {
  if (notes.transparency == Transparency::picture_in_alpha)
    return "its picture is in the alpha channel alone: save it without transparency";
  if (notes.one_level) return "all of its pixels have one grey level";
  return {};
}

DecodedImage decode_with_notes(std::span<const std::byte> bytes, int channels, const DecodeLimits& limits,
                               const SampleDepths& depths) {
  XR_CHECK(channels == 1 || channels == 3, "images have 1 (grey) or 3 (RGB) channels, not {}", channels);
  const std::uint64_t max_bytes = std::min<std::uint64_t>(limits.max_file_bytes, 0x7FFFFFFF);
  XR_CHECK_CODE(bytes.size() <= max_bytes, error_code::image_size,
                "the file has {} bytes, more than the limit of {}", bytes.size(), max_bytes);
  XR_CHECK_CODE(!bytes.empty(), error_code::not_an_image, "the file is empty (0 bytes)");
  const ImageFormat format = format_of(bytes);
  const ImageReader& reader = reader_of(format, bytes);
  const ImageHeader header = reader.header(bytes);
  check_size(header, limits);
  RawImage raw = reader.decode(bytes, header);
  DecodedImage decoded;
  decoded.notes.format = format;
  decoded.notes.stored_channels = header.channels;
  decoded.notes.stored_bits = header.bits;
  decoded.image = to_levels(std::move(raw), channels, depths, decoded.notes);
  return decoded;
}

Image decode_image(std::span<const std::byte> bytes, int channels, const DecodeLimits& limits) {
  return decode_with_notes(bytes, channels, limits).image;
}

DecodedImage read_with_notes(const std::filesystem::path& path, int channels, const DecodeLimits& limits,
                             const SampleDepths& depths) {
  const std::vector<std::byte> bytes = engine::read_file(path, limits.max_file_bytes);
  try {
    return decode_with_notes(bytes, channels, limits, depths);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("cannot decode {}: {}", engine::quote_name(path), error.what()),
                error.where());
  }
}

Image read_image(const std::filesystem::path& path, int channels, const DecodeLimits& limits) {
  return read_with_notes(path, channels, limits).image;
}

Image with_channels(Image image, int channels) {
  RawImage raw;
  raw.width = image.width, raw.height = image.height, raw.channels = image.channels;
  raw.bytes = std::move(image.pixels);
  ImageNotes notes;
  return to_levels(std::move(raw), channels, {}, notes);
}

}  // namespace xr::data
