// JPEG-LS (ISO/IEC 14495) through CharLS.
#include "data/image/byte_reader.h"
#include "data/image/jpeg_markers.h"
#include "data/image/raw_image.h"

#include <algorithm>

#include <charls/charls.h>

namespace xr::data {

namespace {

ImageHeader jpeg_ls_header(std::span<const std::byte> bytes) {
  const JpegFrame frame = read_jpeg_frame(bytes);
  XR_CHECK_CODE(frame.components == 1 || frame.components == 3, error_code::image_unsupported,
                "a JPEG-LS image with {} components, not 1 or 3", frame.components);
  XR_CHECK_CODE(frame.bits >= 2 && frame.bits <= 16, error_code::image_damaged,
                "the JPEG-LS image is damaged: {} bits a sample", frame.bits);
  XR_CHECK_CODE(frame.width > 0 && frame.height > 0, error_code::image_unsupported,
                "a JPEG-LS image without a size in its frame header, which is not read: convert it to PNG");
  return {ImageFormat::jpeg_ls, frame.width, frame.height, frame.components, frame.bits};
}

[[noreturn]] void throw_jpeg_ls_error(const charls::jpegls_error& error, std::size_t size) {
  const auto code = static_cast<charls::jpegls_errc>(error.code().value());
  if (code == charls::jpegls_errc::not_enough_memory) throw std::bad_alloc();
  if (code == charls::jpegls_errc::source_buffer_too_small)
    throw Error(error_code::image_truncated,
                fmt::format("the JPEG-LS image is truncated: it ends after {} bytes", size));
  throw Error(error_code::image_damaged, fmt::format("the JPEG-LS image is damaged: {}", error.what()));
}

/// The file up to its end marker. A byte FF of the coded data is followed by a zero bit (T.87, A.1), so the
/// marker cannot be part of it. CharLS may loop forever on data that just ends.
std::span<const std::byte> up_to_end_marker(std::span<const std::byte> bytes) {
  std::size_t scan = 0;
  for (std::size_t at = 2; at + 1 < bytes.size(); ++at) {
    if (bytes[at] != std::byte{0xFF}) continue;
    if (bytes[at + 1] == std::byte{0xDA}) scan = at;
    if (bytes[at + 1] == std::byte{0xD9} && scan > 0) return bytes.first(at + 2);
  }
  throw Error(error_code::image_truncated,
              fmt::format("the JPEG-LS image is truncated: it ends after {} bytes without its end marker",
                          bytes.size()));
}

/// Decodes into `samples` (bytes up to 8 bits, else words in native order); gives whether each component has
/// a plane of its own.
template <class Sample>
bool decode_samples(std::span<const std::byte> bytes, const ImageHeader& header,
                    std::vector<Sample>& samples) {
  try {
    const std::span<const std::byte> whole = up_to_end_marker(bytes);
    charls::jpegls_decoder decoder(whole.data(), whole.size(), false);
    decoder.read_header();  // a SPIFF header, which may contradict the frame header, is passed over
    const charls::frame_info& frame = decoder.frame_info();
    XR_CHECK_CODE(frame.width == header.width && frame.height == header.height &&
                      frame.component_count == header.channels && frame.bits_per_sample == header.bits &&
                      decoder.destination_size() == samples.size() * sizeof(Sample),
                  error_code::image_damaged, "the JPEG-LS image is damaged: it has two frame headers");
    decoder.decode(samples);
    return decoder.interleave_mode() == charls::interleave_mode::none;
  } catch (const charls::jpegls_error& error) {
    throw_jpeg_ls_error(error, bytes.size());
  }
}

/// The samples with those of a pixel together.
template <class Sample>
std::vector<Sample> read_samples(std::span<const std::byte> bytes, const ImageHeader& header) {
  const auto channels = static_cast<std::size_t>(header.channels);
  const std::size_t pixels = header.width * header.height;
  std::vector<Sample> samples(pixels * channels);
  if (!decode_samples(bytes, header, samples) || channels == 1) return samples;
  std::vector<Sample> together(samples.size());
  for (std::size_t i = 0; i < pixels; ++i)
    for (std::size_t c = 0; c < channels; ++c) together[i * channels + c] = samples[c * pixels + i];
  return together;
}

RawImage decode_jpeg_ls(std::span<const std::byte> bytes, const ImageHeader& header) {
  RawImage raw;
  raw.width = static_cast<int>(header.width);
  raw.height = static_cast<int>(header.height);
  raw.channels = header.channels;
  const unsigned white = (1u << header.bits) - 1;
  if (header.bits > 8) {
    raw.white = header.bits == 16 ? 0 : white;
    raw.words = read_samples<std::uint16_t>(bytes, header);
    return raw;
  }
  raw.bytes = read_samples<std::uint8_t>(bytes, header);
  if (white != 255)
    for (std::uint8_t& sample : raw.bytes)
      sample = static_cast<std::uint8_t>((std::min<unsigned>(sample, white) * 255u + white / 2) / white);
  return raw;
}

}  // namespace

const ImageReader* jpeg_ls_reader() {
  static constexpr ImageReader reader{jpeg_ls_header, decode_jpeg_ls};
  return &reader;
}

}  // namespace xr::data
