#include "data/image/image.h"
#include "data/image/stb.h"
#include "engine/io/atomic_file.h"
#include "kernels/common/error.h"

namespace xr::data {

namespace {

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
