#include "data/image/pnm.h"

#include "kernels/common/error.h"

namespace xr::data {

namespace {

bool is_space(std::byte byte) {
  const auto code = static_cast<unsigned char>(byte);
  return code == ' ' || (code >= '\t' && code <= '\r');
}

/// Next decimal number; skips white space and comments (# to the end of the line).
std::uint32_t next_number(std::span<const std::byte> bytes, std::size_t& at) {
  for (bool comment = false; at < bytes.size(); ++at) {
    if (bytes[at] == std::byte{'#'}) comment = true;
    if (bytes[at] == std::byte{'\n'}) comment = false;
    if (!comment && !is_space(bytes[at])) break;
  }
  XR_CHECK(at < bytes.size(), "the PGM or PPM file is truncated");
  std::uint64_t value = 0;
  const std::size_t first = at;
  for (; at < bytes.size() && bytes[at] >= std::byte{'0'} && bytes[at] <= std::byte{'9'}; ++at)
    value = std::min<std::uint64_t>(value * 10 + static_cast<std::uint64_t>(bytes[at]) - '0', 0xFFFFFFFFu);
  XR_CHECK(at > first, "the PGM or PPM file is damaged at byte {}: a number is missing", at);
  return static_cast<std::uint32_t>(value);
}

}  // namespace

bool is_pnm(std::span<const std::byte> bytes) {
  if (bytes.size() < 3 || bytes[0] != std::byte{'P'}) return false;
  const auto kind = static_cast<char>(bytes[1]);
  return (kind == '2' || kind == '3' || kind == '5' || kind == '6') &&
         (is_space(bytes[2]) || bytes[2] == std::byte{'#'});
}

PnmHeader read_pnm_header(std::span<const std::byte> bytes) {
  PnmHeader header;
  const auto kind = static_cast<char>(bytes[1]);
  header.plain = kind == '2' || kind == '3';
  header.channels = kind == '2' || kind == '5' ? 1 : 3;
  std::size_t at = 2;
  header.width = next_number(bytes, at);
  header.height = next_number(bytes, at);
  header.max_value = next_number(bytes, at);
  XR_CHECK(header.max_value >= 1 && header.max_value <= 65535,
           "the PGM or PPM file is damaged: maximum value {}, not 1 to 65535", header.max_value);
  header.data_offset = at + 1;  // exactly one white-space byte
  return header;
}

Image decode_pnm(std::span<const std::byte> bytes) {
  const PnmHeader header = read_pnm_header(bytes);
  const std::uint64_t samples = header.width * header.height * static_cast<std::uint64_t>(header.channels);
  const std::size_t sample_bytes = header.max_value > 255 ? 2 : 1;
  const std::uint64_t needed = header.data_offset + samples * (header.plain ? 1 : sample_bytes);
  XR_CHECK(needed <= bytes.size(), "the PGM or PPM file is truncated: it has {} bytes of at least {}",
           bytes.size(), needed);
  Image image{static_cast<int>(header.width), static_cast<int>(header.height), header.channels, {}};
  image.pixels.resize(samples);
  std::size_t at = header.data_offset;
  const std::uint32_t half = header.max_value / 2;
  for (std::uint8_t& pixel : image.pixels) {
    std::uint32_t value;
    if (header.plain) {
      value = next_number(bytes, at);
    } else {
      value = static_cast<std::uint32_t>(bytes[at++]);
      if (sample_bytes == 2) value = value << 8 | static_cast<std::uint32_t>(bytes[at++]);
    }
    pixel = static_cast<std::uint8_t>((std::min(value, header.max_value) * 255u + half) / header.max_value);
  }
  return image;
}

}  // namespace xr::data
