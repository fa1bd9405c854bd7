#include "data/image/image.h"

#include "data/image/image_header.h"
#include "data/image/pnm.h"
#include "data/image/stb.h"
#include "engine/io/atomic_file.h"
#include "engine/io/file.h"
#include "kernels/common/error.h"

#include <algorithm>
#include <cstring>
#include <memory>

namespace xr::data {

namespace {

struct FreeStb {
  void operator()(void* pixels) const { stbi_image_free(pixels); }
};

void check_size(const ImageHeader& header, const DecodeLimits& limits) {
  const auto side = static_cast<std::uint64_t>(limits.max_side);
  XR_CHECK(header.width <= side && header.height <= side && header.width * header.height <= limits.max_pixels,
           "the file claims {} x {} pixels, more than the limit of {} a side and {} million in all",
           header.width, header.height, limits.max_side, limits.max_pixels / 1000000);
  const auto least = static_cast<std::uint64_t>(std::max(1, limits.min_side));
  XR_CHECK(header.width >= least && header.height >= least,
           "{} x {} pixels are too few for an X-ray: the least is {} x {}", header.width, header.height,
           least, least);
}

template <class Sample>
Image copy_pixels(const Sample* samples, int width, int height, int channels) {
  Image image{width, height, channels, {}};
  image.pixels.resize(static_cast<std::size_t>(width) * height * channels);
  if constexpr (sizeof(Sample) == 1)
    std::memcpy(image.pixels.data(), samples, image.pixels.size());
  else
    std::transform(samples, samples + image.pixels.size(), image.pixels.begin(), [](Sample sample) {
      return static_cast<std::uint8_t>((sample * 255u + 32767u) / 65535u);
    });
  return image;
}

Image decode_with_stb(std::span<const std::byte> bytes, const ImageHeader& header) {
  const auto* data = reinterpret_cast<const stbi_uc*>(bytes.data());
  const int size = static_cast<int>(bytes.size());
  int width = 0, height = 0, channels = 0;
  const bool wide = header.format == ImageFormat::png && stbi_is_16_bit_from_memory(data, size);
  const std::unique_ptr<void, FreeStb> pixels(
      wide ? static_cast<void*>(stbi_load_16_from_memory(data, size, &width, &height, &channels, 0))
           : static_cast<void*>(stbi_load_from_memory(data, size, &width, &height, &channels, 0)));
  XR_CHECK(pixels != nullptr, "the image is damaged or of an unknown kind ({})", stbi_failure_reason());
  if (wide) return copy_pixels(static_cast<const std::uint16_t*>(pixels.get()), width, height, channels);
  return copy_pixels(static_cast<const std::uint8_t*>(pixels.get()), width, height, channels);
}

/// From grey, grey + alpha, RGB or RGBA to grey or RGB.
Image convert(Image source, int channels) {
  if (source.channels == channels) return source;
  Image result{source.width, source.height, channels, {}};
  const std::size_t count = static_cast<std::size_t>(source.width) * source.height;
  result.pixels.resize(count * channels);
  const std::uint8_t* from = source.pixels.data();
  std::uint8_t* to = result.pixels.data();
  for (std::size_t i = 0; i < count; ++i, from += source.channels, to += channels) {
    const bool coloured = source.channels >= 3;
    if (channels == 1)
      to[0] = coloured ? static_cast<std::uint8_t>(
                             (from[0] * 19595u + from[1] * 38470u + from[2] * 7471u + 0x8000u) >> 16)
                       : from[0];
    else
      for (int c = 0; c < 3; ++c) to[c] = from[coloured ? c : 0];
  }
  return result;
}

void append_bytes(void* context, void* data, int size) {
  auto& bytes = *static_cast<std::vector<std::byte>*>(context);
  const auto* first = static_cast<const std::byte*>(data);
  bytes.insert(bytes.end(), first, first + size);
}

void check_encodable(const Image& image, const char* format) {
  XR_CHECK(image.width > 0 && image.height > 0 && (image.channels == 1 || image.channels == 3),
           "a {} needs pixels and 1 or 3 channels, not {} x {} x {}", format, image.width, image.height,
           image.channels);
  XR_CHECK(image.pixels.size() == static_cast<std::size_t>(image.width) * image.height * image.channels,
           "the image holds {} bytes, not {} x {} x {}", image.pixels.size(), image.width, image.height,
           image.channels);
}

}  // namespace

Image decode_image(std::span<const std::byte> bytes, int channels, const DecodeLimits& limits) {
  XR_CHECK(channels == 1 || channels == 3, "images have 1 (grey) or 3 (RGB) channels, not {}", channels);
  const std::uint64_t max_bytes = std::min<std::uint64_t>(limits.max_file_bytes, 0x7FFFFFFF);
  XR_CHECK(bytes.size() <= max_bytes, "the file has {} bytes, more than the limit of {}", bytes.size(),
           max_bytes);
  XR_CHECK(!bytes.empty(), "the file is empty (0 bytes)");
  const ImageHeader header = read_image_header(bytes);
  check_size(header, limits);
  check_image_complete(bytes, header);
  Image image = header.format == ImageFormat::pnm ? decode_pnm(bytes) : decode_with_stb(bytes, header);
  return convert(std::move(image), channels);
}

Image read_image(const std::filesystem::path& path, int channels, const DecodeLimits& limits) {
  const std::vector<std::byte> bytes = engine::read_file(path, limits.max_file_bytes);
  try {
    return decode_image(bytes, channels, limits);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("cannot decode {}: {}", engine::quote_name(path), error.what()),
                error.where());
  }
}

std::vector<std::byte> encode_jpeg(const Image& image, int quality) {
  check_encodable(image, "JPEG");
  XR_CHECK(quality >= 1 && quality <= 100, "the JPEG quality {} is not 1 to 100", quality);
  std::vector<std::byte> bytes;
  const int status = stbi_write_jpg_to_func(append_bytes, &bytes, image.width, image.height, image.channels,
                                            image.pixels.data(), quality);
  XR_CHECK(status != 0, "cannot encode a JPEG of {} x {} pixels", image.width, image.height);
  return bytes;
}

std::vector<std::byte> encode_png(const Image& image) {
  check_encodable(image, "PNG");
  std::vector<std::byte> bytes;
  const int status = stbi_write_png_to_func(append_bytes, &bytes, image.width, image.height, image.channels,
                                            image.pixels.data(), image.width * image.channels);
  XR_CHECK(status != 0, "cannot encode a PNG of {} x {} pixels: out of memory", image.width, image.height);
  return bytes;
}

void write_png(const std::filesystem::path& path, const Image& image) {
  engine::write_file_atomically(path, encode_png(image));
}

}  // namespace xr::data
