// What the reader of a format hands over: samples as they are stored, before they become 8-bit grey or RGB.
#pragma once

#include "data/image/image.h"
#include "data/image/image_header.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace xr::data {

/// Rows from the top, channels interleaved. Exactly one of `bytes` and `words` holds the samples.
struct RawImage {
  int width = 0, height = 0;
  int channels = 0;                  ///< 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha
  std::vector<std::uint8_t> bytes;   ///< samples in the range 0 to 255
  std::vector<std::uint16_t> words;  ///< samples of more than 8 bits
  /// The value of white in `words` where the file states it; 0: it does not, and the bits in use decide.
  std::uint32_t white = 0;
  bool was_signed = false;  ///< Half the range was added to make the samples unsigned.
  bool inverted = false;    ///< 0 is white
  int orientation = 1;      ///< EXIF, 1 to 8
  int frames = 1;           ///< or pages; this is the first
  std::string window;  ///< DICOM: which transformation of grey values was chosen among several; else empty
};

/// Reads one format. Both functions throw xr::Error (one line without a file name).
struct ImageReader {
  /// Size and kind of samples; allocates nothing that the file claims. May be given the start of a file only.
  ImageHeader (*header)(std::span<const std::byte> bytes);
  /// The first image of a whole file whose header's size has been accepted.
  RawImage (*decode)(std::span<const std::byte> bytes, const ImageHeader& header);
};

/// Null where the build lacks the library.
const ImageReader* jpeg_reader();
const ImageReader* png_reader();
const ImageReader* bmp_reader();
const ImageReader* pnm_reader();
const ImageReader* gif_reader();
const ImageReader* webp_reader();
const ImageReader* tiff_reader();
const ImageReader* jpeg2000_reader();
const ImageReader* jpeg_ls_reader();
const ImageReader* dicom_reader();

/// The reader of a format that was recognised. Throws xr::Error that says why there is none: not an image, an
/// image that is not read, a library that this build lacks (`bytes` serve for the description).
const ImageReader& reader_of(ImageFormat format, std::span<const std::byte> bytes);

/// Size and memory of an image that is about to be allocated: width * height * channels, as checked before.
[[nodiscard]] inline std::size_t sample_count(const RawImage& image) {
  return static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) *
         static_cast<std::size_t>(image.channels);
}

}  // namespace xr::data
