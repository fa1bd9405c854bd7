#include "data/image/dicom_pixels.h"

#include "data/image/byte_reader.h"
#include "data/image/raw_image.h"

#include <algorithm>

namespace xr::data {

namespace {

using Bytes = std::span<const std::byte>;
using Samples = std::vector<std::int32_t>;

constexpr std::uint32_t pixel_data = dicom_tag(0x7FE0, 0x0010);

std::size_t frame_samples(const DicomPixelFormat& format) {
  return std::size_t{format.rows} * format.columns * format.samples;
}

/// Numbers of words whose bits above or below the stored ones may hold anything (overlays).
void mask_samples(Samples& samples, const DicomPixelFormat& format) {
  const std::uint32_t shift = format.high_bit + 1 - format.stored, mask = (1u << format.stored) - 1;
  const std::uint32_t sign = 1u << (format.stored - 1);
  for (std::int32_t& sample : samples) {
    const std::uint32_t bits = static_cast<std::uint32_t>(sample) >> shift & mask;
    sample = static_cast<std::int32_t>(bits);
    if (format.is_signed && (bits & sign) != 0) sample -= static_cast<std::int32_t>(mask) + 1;
  }
}

/// From a plane for each component to the samples of a pixel together.
void interleave(Samples& samples, std::size_t channels) {
  const std::size_t pixels = samples.size() / channels;
  Samples together(samples.size());
  for (std::size_t i = 0; i < pixels; ++i)
    for (std::size_t c = 0; c < channels; ++c) together[i * channels + c] = samples[c * pixels + i];
  samples = std::move(together);
}

Samples read_uncompressed(const DicomFile& file, const DicomPixelFormat& format, const DicomElement& pixels) {
  const std::size_t count = frame_samples(format), needed = count * (format.allocated / 8);
  XR_CHECK_CODE(pixels.value.size() >= needed, error_code::image_truncated,
                "the DICOM file is truncated: it has {} bytes of pixel data, a frame needs {}",
                pixels.value.size(), needed);
  Samples samples(count);
  if (format.allocated == 8) {
    std::ranges::transform(pixels.value.first(count), samples.begin(),
                           [](std::byte byte) { return static_cast<std::int32_t>(byte); });
  } else {
    const std::vector<std::uint16_t> words =
        file.elements.words({pixels.tag, pixels.representation, pixels.value.first(needed), false});
    std::ranges::copy(words, samples.begin());
  }
  if (format.planar && format.samples > 1) interleave(samples, format.samples);
  return samples;
}

/// One plane of bytes of an RLE frame (PackBits; PS3.5, G.3.1) into every `step`-th byte from `to` on.
void unpack_plane(Bytes segment, std::vector<std::uint8_t>& bytes, std::size_t to, std::size_t step) {
  const ByteReader reader(segment);
  for (std::size_t at = 0; to < bytes.size();) {
    const std::uint32_t code = reader.u8(at++);
    if (code == 128) continue;
    const std::uint32_t count = code < 128 ? code + 1 : 257 - code;
    for (std::uint32_t i = 0; i < count && to < bytes.size(); ++i, to += step)
      bytes[to] = static_cast<std::uint8_t>(reader.u8(code < 128 ? at + i : at));
    at += code < 128 ? count : 1;
  }
}

/// The most significant byte of a sample comes first, each in a segment of its own.
Samples read_run_length(Bytes frame, const DicomPixelFormat& format) {
  const std::size_t sample_bytes = format.allocated / 8, segments = format.samples * sample_bytes;
  const ByteReader reader(frame);
  XR_CHECK_CODE(reader.little32(0) == segments && segments <= 15, error_code::image_damaged,
                "the DICOM file is damaged: {} run-length coded segments, not {}", reader.little32(0),
                segments);
  const std::size_t pixels = std::size_t{format.rows} * format.columns;
  std::vector<std::uint8_t> bytes(pixels * segments);  // interleaved, big-endian
  for (std::size_t i = 0; i < segments; ++i) {
    const std::size_t begin = reader.little32(4 + 4 * i);
    const std::size_t end = i + 1 < segments ? reader.little32(8 + 4 * i) : frame.size();
    XR_CHECK_CODE(begin >= 64 && begin <= end && end <= frame.size(), error_code::image_damaged,
                  "the DICOM file is damaged: its run-length coded segments lie outside of it");
    unpack_plane(frame.subspan(begin, end - begin), bytes, i, segments);
  }
  Samples samples(frame_samples(format));
  for (std::size_t i = 0; i < samples.size(); ++i)
    samples[i] = sample_bytes == 1 ? bytes[i] : bytes[2 * i] << 8 | bytes[2 * i + 1];
  return samples;
}

bool starts_codestream(Bytes fragment) {
  return starts_with(fragment, "\xFF\xD8") || starts_with(fragment, "\xFF\x4F");
}

/// The bytes of the first frame. With several frames the table of offsets, or the start of the next
/// codestream, says where it ends.
std::vector<std::byte> first_frame(const DicomElement& pixels, const DicomPixelFormat& format,
                                   bool run_length) {
  const std::vector<Bytes> fragments = dicom_fragments(pixels);
  XR_CHECK_CODE(fragments.size() >= 2, error_code::image_damaged,
                "the DICOM file is damaged: its pixel data has no fragment");
  const Bytes table = fragments[0];
  const ByteReader offsets(table);
  const std::size_t second = format.frames > 1 && table.size() >= 8 ? offsets.little32(4) : 0;
  std::vector<std::byte> frame;
  std::size_t position = 0;  // of a fragment after the table, with its header of 8 bytes
  for (std::size_t i = 1; i < fragments.size(); ++i) {
    const bool next_frame = second > 0 ? position >= second
                                       : format.frames > 1 && (run_length || starts_codestream(fragments[i]));
    if (i > 1 && next_frame) break;
    frame.insert(frame.end(), fragments[i].begin(), fragments[i].end());
    position += 8 + fragments[i].size();
  }
  // A fragment has an even length: a byte may follow the codestream.
  return frame;
}

/// Samples as the reader of the codestream's format gives them.
Samples read_codestream(Bytes frame, const DicomFile& file, const DicomPixelFormat& format) {
  const ImageFormat kind = format_of(frame);
  XR_CHECK_CODE(kind == ImageFormat::jpeg || kind == ImageFormat::jpeg_ls || kind == ImageFormat::jpeg2000,
                error_code::image_unsupported, "DICOM with the transfer syntax {}, which is not read",
                printable(file.transfer_syntax));
  const ImageReader& reader = reader_of(kind, frame);
  const ImageHeader header = reader.header(frame);
  XR_CHECK_CODE(
      header.width == format.columns && header.height == format.rows &&
          header.channels == static_cast<int>(format.samples),
      error_code::image_damaged,
      "the DICOM file is damaged: it states {} x {} pixels of {} samples, its codestream {} x {} of {}",
      format.columns, format.rows, format.samples, header.width, header.height, header.channels);
  const RawImage raw = reader.decode(frame, header);
  XR_CHECK_CODE(sample_count(raw) == frame_samples(format), error_code::image_unsupported,
                "DICOM with a codestream of {} channels, which is not read", raw.channels);
  Samples samples(frame_samples(format));
  if (!raw.words.empty()) {
    std::ranges::copy(raw.words, samples.begin());
  } else {
    const std::int32_t white = header.bits < 8 ? (1 << header.bits) - 1 : 255;  // undoes the scaling to 255
    std::ranges::transform(raw.bytes, samples.begin(),
                           [white](std::int32_t byte) { return (byte * white + 127) / 255; });
  }
  if (raw.was_signed)
    for (std::int32_t& sample : samples) sample -= 1 << (header.bits - 1);
  return samples;
}

}  // namespace

DicomPixelFormat read_pixel_format(const DicomItem& elements) {
  const auto number = [&](std::uint32_t element, std::uint32_t otherwise) {
    return elements.unsigned_number(dicom_tag(0x0028, element)).value_or(otherwise);
  };
  DicomPixelFormat format;
  format.rows = number(0x0010, 0);
  format.columns = number(0x0011, 0);
  format.samples = number(0x0002, 1);
  format.allocated = number(0x0100, 0);
  format.stored = number(0x0101, format.allocated);
  format.high_bit = number(0x0102, format.stored - 1);
  format.is_signed = number(0x0103, 0) == 1;
  format.planar = number(0x0006, 0) == 1;
  format.photometric = elements.text(dicom_tag(0x0028, 0x0004));
  const std::vector<double> frames = elements.numbers(dicom_tag(0x0028, 0x0008), true);
  if (!frames.empty() && frames[0] >= 1 && frames[0] < 1e6)
    format.frames = static_cast<std::uint32_t>(frames[0]);
  XR_CHECK_CODE(elements.find(pixel_data) != nullptr && format.rows > 0 && format.columns > 0,
                error_code::image_unsupported, "a DICOM file without pixels (a report, or an index)");
  XR_CHECK_CODE(format.allocated == 8 || format.allocated == 16, error_code::image_unsupported,
                "DICOM with {} bits allocated to a sample, not 8 or 16", format.allocated);
  XR_CHECK_CODE(format.stored >= 1 && format.stored <= format.allocated &&
                    format.high_bit < format.allocated && format.high_bit + 1 >= format.stored,
                error_code::image_damaged, "the DICOM file is damaged: {} bits stored up to bit {} of {}",
                format.stored, format.high_bit, format.allocated);
  XR_CHECK_CODE(format.samples == 1 || format.samples == 3, error_code::image_unsupported,
                "DICOM with {} samples a pixel, not 1 or 3", format.samples);
  return format;
}

std::vector<std::int32_t> read_first_frame(const DicomFile& file, const DicomPixelFormat& format) {
  const DicomElement* pixels = file.elements.find(pixel_data);
  XR_CHECK(pixels != nullptr, "the DICOM file has no pixel data");
  constexpr std::string_view rle = "1.2.840.10008.1.2.5";
  Samples samples;
  if (!file.encapsulated) {
    XR_CHECK_CODE(!pixels->undefined_length, error_code::image_damaged,
                  "the DICOM file is damaged: fragments in an uncompressed transfer syntax");
    samples = read_uncompressed(file, format, *pixels);
  } else {
    const bool run_length = file.transfer_syntax == rle;
    const std::vector<std::byte> frame = first_frame(*pixels, format, run_length);
    samples = run_length ? read_run_length(frame, format) : read_codestream(frame, file, format);
  }
  mask_samples(samples, format);
  return samples;
}

}  // namespace xr::data
