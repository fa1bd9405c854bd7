#include "data/image/image_header.h"

#include "data/image/raw_image.h"

namespace xr::data {

ImageHeader read_image_header(std::span<const std::byte> bytes) {
  return reader_of(format_of(bytes), bytes).header(bytes);
}

}  // namespace xr::data
