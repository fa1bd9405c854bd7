// TIFF through libtiff: the first page.
#include "data/image/byte_reader.h"
#include "data/image/raw_image.h"

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include <tiffio.h>

namespace xr::data {

namespace {

/// The file in memory, and the first thing that libtiff complained about.
struct TiffSource {
  std::span<const std::byte> bytes;
  std::uint64_t at = 0;
  std::string complaint;
};

int keep_complaint(TIFF*, void* user, const char*, const char* format, std::va_list arguments) {
  auto& source = *static_cast<TiffSource*>(user);
  if (!source.complaint.empty()) return 1;
  std::array<char, 256> text{};
  (void)std::vsnprintf(text.data(), text.size(), format, arguments);
  for (char& letter : text)
    if (letter != '\0' && (letter < ' ' || letter > '~')) letter = ' ';
  source.complaint = text.data();
  return 1;
}

int ignore_warning(TIFF*, void*, const char*, const char*, std::va_list) {
  return 1;
}

tmsize_t read_tiff(thandle_t handle, void* to, tmsize_t size) {
  auto& source = *static_cast<TiffSource*>(handle);
  const std::uint64_t left = source.at < source.bytes.size() ? source.bytes.size() - source.at : 0;
  const std::uint64_t count = std::min(static_cast<std::uint64_t>(std::max<tmsize_t>(size, 0)), left);
  std::memcpy(to, source.bytes.data() + source.at, count);
  source.at += count;
  return static_cast<tmsize_t>(count);
}

toff_t seek_tiff(thandle_t handle, toff_t offset, int whence) {
  auto& source = *static_cast<TiffSource*>(handle);
  const std::uint64_t base = whence == SEEK_CUR ? source.at : whence == SEEK_END ? source.bytes.size() : 0;
  source.at = base + offset;
  return source.at;
}

int map_tiff(thandle_t handle, void** base, toff_t* size) {
  const auto& source = *static_cast<TiffSource*>(handle);
  *base = const_cast<std::byte*>(source.bytes.data());  // opened for reading: libtiff does not write
  *size = source.bytes.size();
  return 1;
}

struct CloseTiff {
  void operator()(TIFF* file) const { TIFFClose(file); }
};
using TiffFile = std::unique_ptr<TIFF, CloseTiff>;

[[noreturn]] void throw_tiff_error(const TiffSource& source, const char* what) {
  throw Error(error_code::image_damaged,
              fmt::format("the TIFF image is truncated or damaged: {}",
                          source.complaint.empty() ? what : source.complaint.c_str()));
}

TiffFile open_tiff(TiffSource& source) {
  constexpr tmsize_t max_allocation = tmsize_t{1} << 30;
  const std::unique_ptr<TIFFOpenOptions, decltype(&TIFFOpenOptionsFree)> options(TIFFOpenOptionsAlloc(),
                                                                                 TIFFOpenOptionsFree);
  if (!options) throw std::bad_alloc();
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), max_allocation);
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), keep_complaint, &source);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), ignore_warning, &source);
  const auto write = [](thandle_t, void*, tmsize_t) -> tmsize_t { return 0; };
  const auto close = [](thandle_t) { return 0; };
  const auto size = [](thandle_t handle) -> toff_t { return static_cast<TiffSource*>(handle)->bytes.size(); };
  const auto unmap = [](thandle_t, void*, toff_t) {};
  TiffFile file(TIFFClientOpenExt("image", "r", &source, read_tiff, write, seek_tiff, close, size, map_tiff,
                                  unmap, options.get()));
  if (!file) throw_tiff_error(source, "no page can be read");
  return file;
}

template <class T>
T tiff_field(TIFF* file, std::uint32_t tag, T otherwise) {
  T value = otherwise;
  return TIFFGetFieldDefaulted(file, tag, &value) == 1 ? value : otherwise;
}

/// What decides how a page is read.
struct TiffPage {
  std::uint32_t width = 0, height = 0;
  int samples = 1, bits = 1;
  std::uint16_t photometric = 0, planar = PLANARCONFIG_CONTIG, sample_format = SAMPLEFORMAT_UINT;
  bool tiled = false, has_alpha = false;
  /// Channels that are taken: the first one or three, and alpha.
  [[nodiscard]] int colours() const { return photometric == PHOTOMETRIC_RGB ? 3 : 1; }
  /// Whether the samples are the grey levels or colours themselves.
  [[nodiscard]] bool plain() const {
    return (bits == 8 || bits == 16) && samples >= colours() &&
           (planar == PLANARCONFIG_CONTIG || samples == 1) &&
           (photometric == PHOTOMETRIC_MINISBLACK || photometric == PHOTOMETRIC_MINISWHITE ||
            photometric == PHOTOMETRIC_RGB);
  }
};

TiffPage read_page(TIFF* file) {
  TiffPage page;
  page.width = tiff_field<std::uint32_t>(file, TIFFTAG_IMAGEWIDTH, 0);
  page.height = tiff_field<std::uint32_t>(file, TIFFTAG_IMAGELENGTH, 0);
  page.samples = tiff_field<std::uint16_t>(file, TIFFTAG_SAMPLESPERPIXEL, 1);
  page.bits = tiff_field<std::uint16_t>(file, TIFFTAG_BITSPERSAMPLE, 1);
  page.photometric = tiff_field<std::uint16_t>(file, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
  page.planar = tiff_field<std::uint16_t>(file, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
  page.sample_format = tiff_field<std::uint16_t>(file, TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_UINT);
  page.tiled = TIFFIsTiled(file) != 0;
  std::uint16_t extra = 0;
  const std::uint16_t* kinds = nullptr;
  if (TIFFGetFieldDefaulted(file, TIFFTAG_EXTRASAMPLES, &extra, &kinds) == 1 && extra > 0 && kinds != nullptr)
    page.has_alpha = (kinds[0] == EXTRASAMPLE_ASSOCALPHA || kinds[0] == EXTRASAMPLE_UNASSALPHA) &&
                     page.samples > page.colours();
  return page;
}

void check_page(const TiffPage& page) {
  XR_CHECK_CODE(page.width > 0 && page.height > 0, error_code::image_damaged, "the TIFF image has no size");
  XR_CHECK_CODE(page.sample_format == SAMPLEFORMAT_UINT || page.sample_format == SAMPLEFORMAT_VOID,
                error_code::image_unsupported,
                "a TIFF image of {} samples, which are not read: convert it to 8 or 16 bits",
                page.sample_format == SAMPLEFORMAT_INT ? "signed" : "floating-point or complex");
}

/// Copies the channels that are taken of `count` pixels.
template <class Sample>
void take_channels(const std::byte* from, std::size_t count, const TiffPage& page, const RawImage& raw,
                   Sample* to) {
  const auto stored = static_cast<std::size_t>(page.samples), taken = static_cast<std::size_t>(raw.channels);
  for (std::size_t i = 0; i < count; ++i)
    std::memcpy(to + i * taken, from + i * stored * sizeof(Sample), taken * sizeof(Sample));
}

/// Samples by strips or tiles, into `samples` with raw.channels a pixel.
template <class Sample>
void read_plain(TIFF* file, const TiffSource& source, const TiffPage& page, const RawImage& raw,
                std::vector<Sample>& samples) {
  samples.resize(sample_count(raw));
  const std::size_t row = static_cast<std::size_t>(raw.width) * static_cast<std::size_t>(raw.channels);
  const std::size_t pixel = static_cast<std::size_t>(page.samples) * sizeof(Sample);
  if (!page.tiled) {
    std::vector<std::byte> line(
        std::max<std::size_t>(static_cast<std::size_t>(TIFFScanlineSize64(file)), page.width * pixel));
    for (std::uint32_t y = 0; y < page.height; ++y) {
      if (TIFFReadScanline(file, line.data(), y, 0) != 1) throw_tiff_error(source, "a row is missing");
      take_channels(line.data(), page.width, page, raw, samples.data() + y * row);
    }
    return;
  }
  const auto tile_width = tiff_field<std::uint32_t>(file, TIFFTAG_TILEWIDTH, 0);
  const auto tile_height = tiff_field<std::uint32_t>(file, TIFFTAG_TILELENGTH, 0);
  const std::uint64_t tile_bytes = std::uint64_t{tile_width} * tile_height * pixel;
  constexpr std::uint64_t max_padding = std::uint64_t{64} << 20;
  XR_CHECK_CODE(tile_width > 0 && tile_height > 0 && tile_width <= (1u << 24) && tile_height <= (1u << 24) &&
                    tile_bytes <= samples.size() * sizeof(Sample) * 4 + max_padding &&
                    TIFFTileSize64(file) == tile_bytes,
                error_code::image_damaged, "the TIFF image is damaged: tiles of {} x {} pixels", tile_width,
                tile_height);
  std::vector<std::byte> tile(tile_bytes);
  for (std::uint32_t y = 0; y < page.height; y += tile_height)
    for (std::uint32_t x = 0; x < page.width; x += tile_width) {
      if (TIFFReadTile(file, tile.data(), x, y, 0, 0) < 0) throw_tiff_error(source, "a tile is missing");
      const std::uint32_t columns = std::min(tile_width, page.width - x);
      for (std::uint32_t line = 0; line < std::min(tile_height, page.height - y); ++line)
        take_channels(tile.data() + static_cast<std::size_t>(line) * tile_width * pixel, columns, page, raw,
                      samples.data() + (y + line) * row +
                          static_cast<std::size_t>(x) * static_cast<std::size_t>(raw.channels));
    }
}

/// Everything else (palettes, bilevel, CMYK, YCbCr, separate planes) as libtiff converts it: RGB and alpha.
void read_converted(TIFF* file, const TiffSource& source, RawImage& raw) {
  std::array<char, 1024> reason{};
  XR_CHECK_CODE(TIFFRGBAImageOK(file, reason.data()) == 1, error_code::image_unsupported,
                "a TIFF image of a kind that is not read ({}): convert it to PNG", reason.data());
  raw.channels = 4;
  std::vector<std::uint32_t> pixels(static_cast<std::size_t>(raw.width) *
                                    static_cast<std::size_t>(raw.height));
  constexpr int stop_on_error = 1;
  if (TIFFReadRGBAImageOriented(file, static_cast<std::uint32_t>(raw.width),
                                static_cast<std::uint32_t>(raw.height), pixels.data(), ORIENTATION_TOPLEFT,
                                stop_on_error) != 1)
    throw_tiff_error(source, "its pixels cannot be read");
  raw.bytes.reserve(sample_count(raw));
  for (const std::uint32_t pixel : pixels)
    for (const std::uint32_t sample : {TIFFGetR(pixel), TIFFGetG(pixel), TIFFGetB(pixel), TIFFGetA(pixel)})
      raw.bytes.push_back(static_cast<std::uint8_t>(sample));
}

ImageHeader tiff_header(std::span<const std::byte> bytes) {
  TiffSource source{bytes, 0, {}};
  const TiffFile file = open_tiff(source);
  const TiffPage page = read_page(file.get());
  check_page(page);
  const int channels = page.photometric == PHOTOMETRIC_PALETTE ? 1 : std::min(page.samples, 4);
  return {ImageFormat::tiff, page.width, page.height, channels, page.bits};
}

RawImage decode_tiff(std::span<const std::byte> bytes, const ImageHeader& header) {
  TiffSource source{bytes, 0, {}};
  const TiffFile file = open_tiff(source);
  const TiffPage page = read_page(file.get());
  RawImage raw;
  raw.width = static_cast<int>(header.width);
  raw.height = static_cast<int>(header.height);
  const int orientation = tiff_field<std::uint16_t>(file.get(), TIFFTAG_ORIENTATION, 1);
  if (!page.plain()) {
    // libtiff mirrors, but never exchanges rows and columns: what is left to do by orientation.
    static constexpr std::array left = {1, 1, 1, 1, 1, 5, 7, 5, 7};
    read_converted(file.get(), source, raw);
    raw.orientation = orientation >= 1 && orientation <= 8 ? left[static_cast<std::size_t>(orientation)] : 1;
  } else {
    raw.channels = page.colours() + (page.has_alpha ? 1 : 0);
    raw.inverted = page.photometric == PHOTOMETRIC_MINISWHITE;
    if (page.bits == 16)
      read_plain(file.get(), source, page, raw, raw.words);
    else
      read_plain(file.get(), source, page, raw, raw.bytes);
    raw.orientation = orientation >= 1 && orientation <= 8 ? orientation : 1;
  }
  raw.frames = static_cast<int>(TIFFNumberOfDirectories(file.get()));
  return raw;
}

}  // namespace

const ImageReader* tiff_reader() {
  static constexpr ImageReader reader{tiff_header, decode_tiff};
  return &reader;
}

}  // namespace xr::data
