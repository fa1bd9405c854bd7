#include "data/image/stb_decode.h"

#include "data/image/stb.h"
#include "kernels/common/error.h"
#include "kernels/common/error_codes.h"

#include <memory>

namespace xr::data {

namespace {

struct FreeStb {
  void operator()(void* pixels) const { stbi_image_free(pixels); }
};

}  // namespace

RawImage decode_with_stb(std::span<const std::byte> bytes, bool wide) {
  const auto* data = reinterpret_cast<const stbi_uc*>(bytes.data());
  const int size = static_cast<int>(bytes.size());
  RawImage raw;
  const std::unique_ptr<void, FreeStb> pixels(
      wide
          ? static_cast<void*>(
                stbi_load_16_from_memory(data, size, &raw.width, &raw.height, &raw.channels, 0))
          : static_cast<void*>(stbi_load_from_memory(data, size, &raw.width, &raw.height, &raw.channels, 0)));
  XR_CHECK_CODE(pixels != nullptr, error_code::image_damaged,
                "the image is damaged or of an unknown kind ({})", stbi_failure_reason());
  const std::size_t count = sample_count(raw);
  if (wide) {
    const auto* samples = static_cast<const std::uint16_t*>(pixels.get());
    raw.words.assign(samples, samples + count);
  } else {
    const auto* samples = static_cast<const std::uint8_t*>(pixels.get());
    raw.bytes.assign(samples, samples + count);
  }
  return raw;
}

}  // namespace xr::data
