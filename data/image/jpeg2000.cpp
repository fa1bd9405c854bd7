// JPEG 2000 (ISO/IEC 15444-1), a JP2 file or a codestream, through OpenJPEG.
#include "data/image/byte_reader.h"
#include "data/image/raw_image.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string>

#include <openjpeg.h>

namespace xr::data {

namespace {

constexpr std::string_view codestream_start = "\xFF\x4F\xFF\x51";  // SOC, SIZ
constexpr std::size_t no_codestream = static_cast<std::size_t>(-1);

/// Where the codestream begins: boxes of length and type precede it in a JP2 file (Annex I.4).
std::size_t codestream_of(std::span<const std::byte> bytes) {
  if (starts_with(bytes, codestream_start)) return 0;
  const ByteReader reader(bytes);
  for (std::size_t at = 0; at + 16 <= bytes.size();) {
    const bool wide = reader.big32(at) == 1;
    if (starts_with(bytes.subspan(at + 4), "jp2c")) return at + (wide ? 16 : 8);
    const std::uint64_t length =
        wide ? std::uint64_t{reader.big32(at + 8)} << 32 | reader.big32(at + 12) : reader.big32(at);
    if (length < 8 || length > bytes.size() - at) break;
    at += length;
  }
  return no_codestream;
}

/// The SIZ segment (Annex A.5.1) after its marker: sizes on the reference grid, tiles, components.
ImageHeader jpeg2000_header(std::span<const std::byte> bytes) {
  const std::size_t start = codestream_of(bytes);
  XR_CHECK_CODE(start != no_codestream && start < bytes.size(), error_code::image_truncated,
                "the JPEG 2000 image is truncated: it ends after {} bytes without a codestream",
                bytes.size());
  XR_CHECK_CODE(starts_with(bytes.subspan(start), codestream_start), error_code::image_damaged,
                "the JPEG 2000 image is damaged: its codestream does not begin with a size");
  const ByteReader reader(bytes.subspan(start + 4));
  const std::uint64_t x1 = reader.big32(4), y1 = reader.big32(8), x0 = reader.big32(12),
                      y0 = reader.big32(16);
  const std::uint64_t tile_x = reader.big32(20), tile_y = reader.big32(24);
  const std::uint64_t tile_x0 = reader.big32(28), tile_y0 = reader.big32(32);
  const std::uint32_t components = reader.big16(36);
  XR_CHECK_CODE(x1 > x0 && y1 > y0 && tile_x > 0 && tile_y > 0 && tile_x0 <= x0 && tile_y0 <= y0,
                error_code::image_damaged, "the JPEG 2000 image is damaged: impossible sizes");
  // OpenJPEG keeps some kilobytes for each tile, whatever the file holds of it.
  constexpr std::uint64_t max_tiles = 4096;
  const std::uint64_t tiles = ((x1 - tile_x0 + tile_x - 1) / tile_x) * ((y1 - tile_y0 + tile_y - 1) / tile_y);
  XR_CHECK_CODE(tiles <= max_tiles, error_code::image_size,
                "the file claims {} tiles, more than the limit of {}", tiles, max_tiles);
  XR_CHECK_CODE(components >= 1 && components <= 4, error_code::image_unsupported,
                "a JPEG 2000 image with {} components, not 1 to 4", components);
  const std::uint32_t precision = reader.u8(38);  // bits less one; the highest bit: signed
  return {ImageFormat::jpeg2000, x1 - x0, y1 - y0, static_cast<int>(components),
          static_cast<int>(precision & 0x7F) + 1};
}

struct Jpeg2000Source {
  std::span<const std::byte> bytes;
  std::size_t at = 0;
  std::string complaint;
};

OPJ_SIZE_T read_source(void* to, OPJ_SIZE_T size, void* user) {
  auto& source = *static_cast<Jpeg2000Source*>(user);
  const std::size_t count = std::min<std::size_t>(size, source.bytes.size() - source.at);
  if (count == 0) return static_cast<OPJ_SIZE_T>(-1);
  std::memcpy(to, source.bytes.data() + source.at, count);
  source.at += count;
  return count;
}

OPJ_OFF_T skip_source(OPJ_OFF_T size, void* user) {
  auto& source = *static_cast<Jpeg2000Source*>(user);
  if (size < 0) return -1;
  const std::size_t count = std::min(static_cast<std::size_t>(size), source.bytes.size() - source.at);
  source.at += count;
  return static_cast<OPJ_OFF_T>(count);
}

OPJ_BOOL seek_source(OPJ_OFF_T offset, void* user) {
  auto& source = *static_cast<Jpeg2000Source*>(user);
  if (offset < 0 || static_cast<std::size_t>(offset) > source.bytes.size()) return OPJ_FALSE;
  source.at = static_cast<std::size_t>(offset);
  return OPJ_TRUE;
}

void keep_message(const char* message, void* user) {
  auto& complaint = static_cast<Jpeg2000Source*>(user)->complaint;
  if (!complaint.empty()) return;
  complaint = message;
  for (char& letter : complaint)
    if (letter < ' ' || letter > '~') letter = ' ';
  complaint.resize(complaint.find_last_not_of(" .") + 1);
}

[[noreturn]] void throw_jpeg2000_error(const Jpeg2000Source& source) {
  throw Error(error_code::image_damaged,
              fmt::format("the JPEG 2000 image is truncated or damaged: {}",
                          source.complaint.empty() ? "no reason is given" : source.complaint.c_str()));
}

// A codec and a stream have the same type in OpenJPEG's headers.
struct FreeCodec {
  void operator()(opj_codec_t* codec) const { opj_destroy_codec(codec); }
};
struct FreeStream {
  void operator()(opj_stream_t* stream) const { opj_stream_destroy(stream); }
};
struct FreeImage {
  void operator()(opj_image_t* image) const { opj_image_destroy(image); }
};
using OpenJpegImage = std::unique_ptr<opj_image_t, FreeImage>;

OpenJpegImage decode_components(Jpeg2000Source& source, const ImageHeader& header) {
  const bool bare = starts_with(source.bytes, codestream_start);

  const std::unique_ptr<opj_codec_t, FreeCodec> codec(
      opj_create_decompress(bare ? OPJ_CODEC_J2K : OPJ_CODEC_JP2));
  const std::unique_ptr<opj_stream_t, FreeStream> stream(opj_stream_default_create(OPJ_TRUE));
  if (!codec || !stream) throw std::bad_alloc();
  opj_stream_set_user_data(stream.get(), &source, nullptr);
  opj_stream_set_user_data_length(stream.get(), source.bytes.size());
  opj_stream_set_read_function(stream.get(), read_source);
  opj_stream_set_skip_function(stream.get(), skip_source);
  opj_stream_set_seek_function(stream.get(), seek_source);
  opj_set_error_handler(codec.get(), keep_message, &source);
  opj_dparameters_t parameters;
  opj_set_default_decoder_parameters(&parameters);
  opj_image_t* opened = nullptr;
  const bool begun = opj_setup_decoder(codec.get(), &parameters) == OPJ_TRUE &&
                     opj_decoder_set_strict_mode(codec.get(), OPJ_TRUE) == OPJ_TRUE &&
                     opj_read_header(stream.get(), codec.get(), &opened) == OPJ_TRUE;
  OpenJpegImage image(opened);
  if (!begun || !image) throw_jpeg2000_error(source);
  XR_CHECK_CODE(image->x1 - image->x0 == header.width && image->y1 - image->y0 == header.height &&
                    static_cast<int>(image->numcomps) == header.channels,
                error_code::image_damaged, "the JPEG 2000 image is damaged: it has two sizes");
  if (opj_decode(codec.get(), stream.get(), image.get()) != OPJ_TRUE ||
      opj_end_decompress(codec.get(), stream.get()) != OPJ_TRUE)
    throw_jpeg2000_error(source);
  return image;
}

/// A sample of a component that may have fewer columns and rows than the picture.
std::uint32_t sample_at(const opj_image_comp_t& component, std::uint32_t x, std::uint32_t y) {
  const std::uint32_t column = std::min(x / component.dx, component.w - 1);
  const std::uint32_t row = std::min(y / component.dy, component.h - 1);
  const std::int64_t offset = component.sgnd != 0 ? std::int64_t{1} << (component.prec - 1) : 0;
  const std::int64_t top = (std::int64_t{1} << component.prec) - 1;
  const std::int64_t value = component.data[static_cast<std::size_t>(row) * component.w + column] + offset;
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(value, 0, top));
}

/// YCbCr of full range (ITU-T T.871) to RGB, in place.
void rgb_of_ycc(std::uint8_t* pixel) {
  const double y = pixel[0], cb = pixel[1] - 128.0, cr = pixel[2] - 128.0;
  const std::array rgb = {y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb};
  for (std::size_t c = 0; c < 3; ++c)
    pixel[c] = static_cast<std::uint8_t>(std::clamp(rgb[c] + 0.5, 0.0, 255.0));
}

RawImage decode_jpeg2000(std::span<const std::byte> bytes, const ImageHeader& header) {
  Jpeg2000Source source{bytes, 0, {}};
  const OpenJpegImage image = decode_components(source, header);
  // A palette turns one component into several.
  const std::uint32_t components = image->numcomps;
  XR_CHECK_CODE(components >= 1 && components <= 4, error_code::image_unsupported,
                "a JPEG 2000 image with {} components, not 1 to 4", components);
  std::uint32_t bits = 0;
  for (std::uint32_t c = 0; c < components; ++c) {
    const opj_image_comp_t& component = image->comps[c];
    XR_CHECK_CODE(component.data != nullptr && component.w > 0 && component.h > 0 && component.dx > 0 &&
                      component.dy > 0 && component.prec >= 1 && component.prec <= 16,
                  error_code::image_unsupported, "a JPEG 2000 image with {} bits a sample, not 1 to 16",
                  component.prec);
    bits = std::max(bits, component.prec);
  }
  RawImage raw;
  raw.width = static_cast<int>(header.width);
  raw.height = static_cast<int>(header.height);
  raw.channels = static_cast<int>(components);
  raw.was_signed = image->comps[0].sgnd != 0;
  const bool wide = bits > 8;
  raw.white = wide && bits < 16 ? (1u << bits) - 1 : 0;
  if (wide)
    raw.words.reserve(sample_count(raw));
  else
    raw.bytes.reserve(sample_count(raw));
  for (std::uint32_t y = 0; y < header.height; ++y)
    for (std::uint32_t x = 0; x < header.width; ++x)
      for (std::uint32_t c = 0; c < components; ++c) {
        const opj_image_comp_t& component = image->comps[c];
        const std::uint32_t sample = sample_at(component, x, y), white = (1u << component.prec) - 1;
        if (wide)
          raw.words.push_back(static_cast<std::uint16_t>(sample << (bits - component.prec)));
        else
          raw.bytes.push_back(static_cast<std::uint8_t>((sample * 255u + white / 2) / white));
      }
  if (!wide && components == 3 && image->color_space == OPJ_CLRSPC_SYCC)
    for (std::size_t i = 0; i < raw.bytes.size(); i += 3) rgb_of_ycc(raw.bytes.data() + i);
  return raw;
}

}  // namespace

const ImageReader* jpeg2000_reader() {
  static constexpr ImageReader reader{jpeg2000_header, decode_jpeg2000};
  return &reader;
}

}  // namespace xr::data
