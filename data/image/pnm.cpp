#include "data/image/pnm.h"

#include "kernels/common/error.h"
#include "kernels/common/error_codes.h"

#include <algorithm>

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
  XR_CHECK_CODE(at < bytes.size(), error_code::image_truncated, "the PGM or PPM file is truncated");
  std::uint64_t value = 0;
  const std::size_t first = at;
  for (; at < bytes.size() && bytes[at] >= std::byte{'0'} && bytes[at] <= std::byte{'9'}; ++at)
    value = std::min<std::uint64_t>(value * 10 + static_cast<std::uint64_t>(bytes[at]) - '0', 0xFFFFFFFFu);
  XR_CHECK_CODE(at > first, error_code::image_damaged,
                "the PGM or PPM file is damaged at byte {}: a number is missing", at);
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
  XR_CHECK_CODE(header.max_value >= 1 && header.max_value <= 65535, error_code::image_damaged,
                "the PGM or PPM file is damaged: maximum value {}, not 1 to 65535", header.max_value);
  header.data_offset = at + 1;  // exactly one white-space byte
  return header;
}

namespace {

ImageHeader pnm_header(std::span<const std::byte> bytes) {
  const PnmHeader header = read_pnm_header(bytes);
  return {ImageFormat::pnm, header.width, header.height, header.channels, header.max_value > 255 ? 16 : 8};
}

/// A maximum value of 65535 says only that samples have two bytes: then the bits in use decide.
RawImage decode_pnm(std::span<const std::byte> bytes, const ImageHeader&) {
  const PnmHeader header = read_pnm_header(bytes);
  const std::uint64_t samples = header.width * header.height * static_cast<std::uint64_t>(header.channels);
  const bool wide = header.max_value > 255;
  const std::uint64_t needed = header.data_offset + samples * (header.plain || !wide ? 1 : 2);
  XR_CHECK_CODE(needed <= bytes.size(), error_code::image_truncated,
                "the PGM or PPM file is truncated: it has {} bytes of at least {}", bytes.size(), needed);
  RawImage raw;
  raw.width = static_cast<int>(header.width);
  raw.height = static_cast<int>(header.height);
  raw.channels = header.channels;
  raw.white = header.max_value == 65535 ? 0 : header.max_value;
  if (wide)
    raw.words.resize(samples);
  else
    raw.bytes.resize(samples);
  std::size_t at = header.data_offset;
  const std::uint32_t half = header.max_value / 2;
  for (std::size_t i = 0; i < samples; ++i) {
    std::uint32_t value = 0;
    if (header.plain) {
      value = next_number(bytes, at);
    } else {
      value = static_cast<std::uint32_t>(bytes[at++]);
      if (wide) value = value << 8 | static_cast<std::uint32_t>(bytes[at++]);
    }
    value = std::min(value, header.max_value);
    if (wide)
      raw.words[i] = static_cast<std::uint16_t>(value);
    else
      raw.bytes[i] = static_cast<std::uint8_t>((value * 255u + half) / header.max_value);
  }
  return raw;
}

}  // namespace

const ImageReader* pnm_reader() {
  static constexpr ImageReader reader{pnm_header, decode_pnm};
  return &reader;
}

}  // namespace xr::data
