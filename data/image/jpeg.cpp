// JPEG through libjpeg-turbo.
#include "data/image/ijg_jpeg.h"
#include "data/image/jpeg_markers.h"
#include "data/image/raw_image.h"
#include "kernels/common/error.h"
#include "kernels/common/error_codes.h"

#include <array>
#include <csetjmp>
#include <cstdio>
#include <memory>
#include <new>

#include <jpeglib.h>

#include <jerror.h>

namespace xr::data {

namespace {

/// How libjpeg reports: a message, and whether the data ended early.
struct JpegFailure {
  jpeg_error_mgr manager{};  // first: libjpeg hands back a pointer to it
  std::jmp_buf leave{};
  std::array<char, JMSG_LENGTH_MAX> message{};
  bool truncated = false;
};

[[noreturn]] void leave_libjpeg(j_common_ptr info) {
  auto& failure = *reinterpret_cast<JpegFailure*>(info->err);
  failure.manager.format_message(info, failure.message.data());
  std::longjmp(failure.leave, 1);
}

/// Warnings that mean missing or wrong pixels end the decoding; the others are of no consequence.
void judge_warning(j_common_ptr info, int level) {
  if (level >= 0) return;  // a trace
  switch (info->err->msg_code) {
    case JWRN_JPEG_EOF:
      reinterpret_cast<JpegFailure*>(info->err)->truncated = true;
      leave_libjpeg(info);
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
      leave_libjpeg(info);
    default:
      ++info->err->num_warnings;
  }
}

/// A file of a few bytes can hold many empty scans of a large image, each of which takes as long as a full one.
void check_scans(j_common_ptr info) {
  constexpr int max_scans = 500;
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number > max_scans)
    ERREXIT(info, JERR_BAD_PROGRESSION);
}

struct JpegDecoder {
  jpeg_decompress_struct info{};
  JpegFailure failure;
  jpeg_progress_mgr progress{};

  JpegDecoder() {
    info.err = jpeg_std_error(&failure.manager);
    failure.manager.error_exit = leave_libjpeg;
    failure.manager.emit_message = judge_warning;
    failure.manager.output_message = [](j_common_ptr) {};
    progress.progress_monitor = check_scans;
  }
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;
  ~JpegDecoder() { jpeg_destroy_decompress(&info); }
};

/// Reads the header and begins to decode; false on failure. Between setjmp and longjmp there is only C.
bool start(JpegDecoder& decoder, const unsigned char* bytes, unsigned long size) {
  if (setjmp(decoder.failure.leave) != 0) return false;
  jpeg_create_decompress(&decoder.info);
  decoder.info.progress = &decoder.progress;
  jpeg_mem_src(&decoder.info, bytes, size);
  jpeg_read_header(&decoder.info, TRUE);
  switch (decoder.info.num_components) {
    case 1:
      decoder.info.out_color_space = JCS_GRAYSCALE;
      break;
    case 3:
      decoder.info.out_color_space = JCS_RGB;
      break;
    default:
      decoder.info.out_color_space = JCS_CMYK;
  }
  jpeg_start_decompress(&decoder.info);
  return true;
}

/// All rows into `pixels`, then the rest of the file up to its end marker.
bool read_rows(JpegDecoder& decoder, unsigned char* pixels, std::size_t row_bytes) {
  if (setjmp(decoder.failure.leave) != 0) return false;
  constexpr JDIMENSION at_once = 16;
  while (decoder.info.output_scanline < decoder.info.output_height) {
    JSAMPROW rows[at_once];
    const JDIMENSION first = decoder.info.output_scanline, left = decoder.info.output_height - first;
    const JDIMENSION count = left < at_once ? left : at_once;
    for (JDIMENSION i = 0; i < count; ++i) rows[i] = pixels + (first + i) * row_bytes;
    jpeg_read_scanlines(&decoder.info, rows, count);
  }
  jpeg_finish_decompress(&decoder.info);
  return true;
}

[[noreturn]] void throw_failure(const JpegFailure& failure, std::size_t size) {
  if (failure.manager.msg_code == JERR_OUT_OF_MEMORY) throw std::bad_alloc();
  if (failure.truncated)
    throw Error(error_code::image_truncated,
                fmt::format("the JPEG is truncated: it ends after {} bytes without its end marker", size));
  throw Error(error_code::image_damaged, fmt::format("the JPEG is damaged: {}", failure.message.data()));
}

/// CMYK to RGB without a colour profile. Values are taken as Adobe's programs store them, 255 without ink,
/// with or without their marker: so do Pillow and browsers.
std::vector<std::uint8_t> rgb_of_cmyk(const std::vector<std::uint8_t>& cmyk) {
  std::vector<std::uint8_t> rgb(cmyk.size() / 4 * 3);
  for (std::size_t i = 0, to = 0; i < cmyk.size(); i += 4)
    for (std::size_t c = 0; c < 3; ++c)
      rgb[to++] = static_cast<std::uint8_t>((cmyk[i + c] * cmyk[i + 3] + 127) / 255);
  return rgb;
}

ImageHeader jpeg_header(std::span<const std::byte> bytes) {
  const JpegFrame frame = read_jpeg_frame(bytes);
  const bool lossless_or_hierarchical = (frame.marker & 3) == 3 || (frame.marker & 4) != 0;
  XR_CHECK_CODE((!lossless_or_hierarchical && frame.bits == 8) || can_decode_with_ijg(frame),
                error_code::image_unsupported, "a {} JPEG, which is not read: convert it to PNG",
                jpeg_process_name(frame));
  XR_CHECK_CODE(frame.components == 1 || frame.components == 3 || frame.components == 4,
                error_code::image_unsupported, "a JPEG with {} components, not 1, 3 or 4", frame.components);
  XR_CHECK_CODE(frame.height > 0, error_code::image_unsupported,
                "a JPEG without a height in its frame header, which is not read: convert it to PNG");
  return {ImageFormat::jpeg, frame.width, frame.height, frame.components, frame.bits};
}

RawImage decode_jpeg(std::span<const std::byte> bytes, const ImageHeader& header) {
  const JpegFrame frame = read_jpeg_frame(bytes);
  if (can_decode_with_ijg(frame)) return decode_with_ijg(bytes, frame);
  const auto decoder = std::make_unique<JpegDecoder>();
  const bool started = start(*decoder, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  if (!started) throw_failure(decoder->failure, bytes.size());
  RawImage raw;
  raw.width = static_cast<int>(decoder->info.output_width);
  raw.height = static_cast<int>(decoder->info.output_height);
  raw.channels = decoder->info.output_components;
  XR_CHECK_CODE(decoder->info.output_width == header.width && decoder->info.output_height == header.height &&
                    raw.channels == header.channels,
                error_code::image_damaged, "the JPEG is damaged: it has two frame headers that differ");
  raw.bytes.resize(sample_count(raw));
  const std::size_t row_bytes = static_cast<std::size_t>(raw.width) * static_cast<std::size_t>(raw.channels);
  if (!read_rows(*decoder, raw.bytes.data(), row_bytes)) throw_failure(decoder->failure, bytes.size());
  if (raw.channels == 4) {
    raw.bytes = rgb_of_cmyk(raw.bytes);
    raw.channels = 3;
  }
  raw.orientation = frame.orientation;
  return raw;
}

}  // namespace

const ImageReader* jpeg_reader() {
  static constexpr ImageReader reader{jpeg_header, decode_jpeg};
  return &reader;
}

}  // namespace xr::data
