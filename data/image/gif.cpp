// GIF through giflib: the first frame.
#include "data/image/byte_reader.h"
#include "data/image/raw_image.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include <gif_lib.h>

namespace xr::data {

namespace {

struct GifSource {
  std::span<const std::byte> bytes;
  std::size_t at = 0;
};

int read_gif_bytes(GifFileType* file, GifByteType* to, int count) {
  auto& source = *static_cast<GifSource*>(file->UserData);
  const std::size_t taken =
      std::min(static_cast<std::size_t>(std::max(count, 0)), source.bytes.size() - source.at);
  std::memcpy(to, source.bytes.data() + source.at, taken);
  source.at += taken;
  return static_cast<int>(taken);
}

struct CloseGif {
  void operator()(GifFileType* file) const {
    int ignored = 0;
    (void)DGifCloseFile(file, &ignored);
  }
};
using GifFile = std::unique_ptr<GifFileType, CloseGif>;

/// What giflib reports: reads beyond the end are a truncated file.
[[noreturn]] void throw_gif_error(int code, const GifSource& source) {
  if (code == D_GIF_ERR_NOT_ENOUGH_MEM) throw std::bad_alloc();
  if (code == D_GIF_ERR_READ_FAILED || code == D_GIF_ERR_EOF_TOO_SOON || source.at == source.bytes.size())
    throw Error(error_code::image_truncated,
                fmt::format("the GIF is truncated: it ends after {} bytes", source.bytes.size()));
  const char* text = GifErrorString(code);
  throw Error(error_code::image_damaged,
              fmt::format("the GIF is damaged: {}", text != nullptr ? text : "unknown fault"));
}

void check_gif(int status, const GifFileType& file, const GifSource& source) {
  if (status != GIF_OK) throw_gif_error(file.Error, source);
}

/// The palette index that is transparent, of the extension before a frame; NO_TRANSPARENT_COLOR: none.
int transparent_index(const GifByteType* extension) {
  GraphicsControlBlock block{};
  if (extension[0] < 4 || DGifExtensionToGCB(4, extension + 1, &block) != GIF_OK) return NO_TRANSPARENT_COLOR;
  return block.TransparentColor;
}

/// Skips an extension; remembers the transparent colour.
void read_extension(GifFileType& file, const GifSource& source, int& transparent) {
  int code = 0;
  GifByteType* data = nullptr;
  check_gif(DGifGetExtension(&file, &code, &data), file, source);
  while (data != nullptr) {
    if (code == GRAPHICS_EXT_FUNC_CODE) transparent = transparent_index(data);
    check_gif(DGifGetExtensionNext(&file, &data), file, source);
  }
}

/// Palette indexes of the frame that comes next, rows in their order.
std::vector<GifPixelType> read_indexes(GifFileType& file, const GifSource& source) {
  const int width = file.Image.Width, height = file.Image.Height;
  std::vector<GifPixelType> indexes(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  const auto read_row = [&](int y) {
    check_gif(
        DGifGetLine(&file, indexes.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(width),
                    width),
        file, source);
  };
  if (!file.Image.Interlace) {
    for (int y = 0; y < height; ++y) read_row(y);
    return indexes;
  }
  static constexpr std::array<std::array<int, 2>, 4> passes = {{{0, 8}, {4, 8}, {2, 4}, {1, 2}}};
  for (const auto& [first, step] : passes)
    for (int y = first; y < height; y += step) read_row(y);
  return indexes;
}

void skip_pixels(GifFileType& file, const GifSource& source) {
  int size = 0;
  GifByteType* block = nullptr;
  check_gif(DGifGetCode(&file, &size, &block), file, source);
  while (block != nullptr) check_gif(DGifGetCodeNext(&file, &block), file, source);
}

/// Draws a frame onto the canvas, RGB and alpha.
void draw_frame(RawImage& canvas, const GifFileType& file, const std::vector<GifPixelType>& indexes,
                int transparent) {
  const ColorMapObject* map = file.Image.ColorMap != nullptr ? file.Image.ColorMap : file.SColorMap;
  XR_CHECK_CODE(map != nullptr, error_code::image_damaged, "the GIF is damaged: it has no palette");
  const GifImageDesc& frame = file.Image;
  for (int y = 0; y < frame.Height; ++y)
    for (int x = 0; x < frame.Width; ++x) {
      const int index = indexes[static_cast<std::size_t>(y) * static_cast<std::size_t>(frame.Width) +
                                static_cast<std::size_t>(x)];
      XR_CHECK_CODE(index < map->ColorCount, error_code::image_damaged,
                    "the GIF is damaged: colour {} of a palette of {}", index, map->ColorCount);
      std::uint8_t* to = canvas.bytes.data() +
                         (static_cast<std::size_t>(frame.Top + y) * static_cast<std::size_t>(canvas.width) +
                          static_cast<std::size_t>(frame.Left + x)) *
                             4;
      const GifColorType& colour = map->Colors[index];
      to[0] = colour.Red, to[1] = colour.Green, to[2] = colour.Blue;
      to[3] = index == transparent ? 0 : 255;
    }
}

ImageHeader gif_header(std::span<const std::byte> bytes) {
  const ByteReader reader(bytes);
  return {ImageFormat::gif, reader.little16(6), reader.little16(8), 1,
          static_cast<int>(reader.u8(10) & 7) + 1};
}

RawImage decode_gif(std::span<const std::byte> bytes, const ImageHeader& header) {
  GifSource source{bytes};
  int code = 0;
  const GifFile file(DGifOpen(&source, read_gif_bytes, &code));
  if (!file) throw_gif_error(code, source);
  RawImage raw;
  raw.width = static_cast<int>(header.width);
  raw.height = static_cast<int>(header.height);
  raw.channels = 4;
  raw.frames = 0;
  int transparent = NO_TRANSPARENT_COLOR;
  for (GifRecordType record = UNDEFINED_RECORD_TYPE; record != TERMINATE_RECORD_TYPE;) {
    check_gif(DGifGetRecordType(file.get(), &record), *file, source);
    if (record == EXTENSION_RECORD_TYPE) read_extension(*file, source, transparent);
    if (record != IMAGE_DESC_RECORD_TYPE) continue;
    check_gif(DGifGetImageDesc(file.get()), *file, source);
    if (++raw.frames > 1) {
      skip_pixels(*file, source);
      continue;
    }
    const GifImageDesc& frame = file->Image;
    XR_CHECK_CODE(frame.Width > 0 && frame.Height > 0 && frame.Left >= 0 && frame.Top >= 0 &&
                      frame.Left + frame.Width <= raw.width && frame.Top + frame.Height <= raw.height,
                  error_code::image_damaged, "the GIF is damaged: its first frame leaves the picture");
    raw.bytes.assign(sample_count(raw), 0);
    draw_frame(raw, *file, read_indexes(*file, source), transparent);
  }
  XR_CHECK_CODE(raw.frames > 0, error_code::image_damaged, "the GIF holds no image");
  return raw;
}

}  // namespace

const ImageReader* gif_reader() {
  static constexpr ImageReader reader{gif_header, decode_gif};
  return &reader;
}

}  // namespace xr::data
