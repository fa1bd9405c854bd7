// PGM and PPM (Netpbm), binary and plain, maximum value 1 to 65535. stb_image ignores the maximum value and
// the byte order of 16-bit samples, so these two formats are read here.
#pragma once

#include "data/image/raw_image.h"

namespace xr::data {

struct PnmHeader {
  int channels = 0;  ///< 1 (P2, P5) or 3 (P3, P6)
  bool plain = false;
  std::uint64_t width = 0, height = 0;
  std::uint32_t max_value = 0;
  std::size_t data_offset = 0;
};

bool is_pnm(std::span<const std::byte> bytes);
PnmHeader read_pnm_header(std::span<const std::byte> bytes);

}  // namespace xr::data
