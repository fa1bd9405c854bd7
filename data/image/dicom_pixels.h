// The stored samples of a DICOM file's first frame, in whatever transfer syntax.
#pragma once

#include "data/image/dicom_dataset.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace xr::data {

/// Image Pixel module (PS3.3, C.7.6.3).
struct DicomPixelFormat {
  std::uint32_t rows = 0, columns = 0, samples = 1;
  std::uint32_t allocated = 0, stored = 0, high_bit = 0;
  bool is_signed = false, planar = false;
  std::uint32_t frames = 1;
  std::string photometric;  ///< "MONOCHROME2"
};

/// Throws xr::Error if there is no image, or one of a kind that is not read.
[[nodiscard]] DicomPixelFormat read_pixel_format(const DicomItem& elements);

/// Samples of the first frame, interleaved, as numbers: masked to the bits stored and with their sign.
[[nodiscard]] std::vector<std::int32_t> read_first_frame(const DicomFile& file,
                                                         const DicomPixelFormat& format);

}  // namespace xr::data
