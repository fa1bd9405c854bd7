// Bounds-checked reads of a file's bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "kernels/common/error.h"
#include "kernels/common/error_codes.h"

namespace xr::data {

/// Big- and little-endian numbers; throws xr::Error (image_truncated) beyond the end.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}
  [[nodiscard]] std::uint32_t u8(std::size_t at) const {
    XR_CHECK_CODE(at < bytes_.size(), error_code::image_truncated, "the file is truncated after {} bytes",
                  bytes_.size());
    return static_cast<std::uint32_t>(bytes_[at]);
  }
  [[nodiscard]] std::uint32_t big16(std::size_t at) const { return u8(at) << 8 | u8(at + 1); }
  [[nodiscard]] std::uint32_t big32(std::size_t at) const { return big16(at) << 16 | big16(at + 2); }
  [[nodiscard]] std::uint32_t little16(std::size_t at) const { return u8(at) | u8(at + 1) << 8; }
  [[nodiscard]] std::uint32_t little32(std::size_t at) const { return little16(at) | little16(at + 2) << 16; }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }

 private:
  std::span<const std::byte> bytes_;
};

inline bool starts_with(std::span<const std::byte> bytes, std::string_view text) {
  return bytes.size() >= text.size() && std::memcmp(bytes.data(), text.data(), text.size()) == 0;
}

}  // namespace xr::data
