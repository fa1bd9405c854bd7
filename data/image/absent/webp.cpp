// In the place of ../webp.cpp, where its library was not found.
#include "data/image/raw_image.h"

namespace xr::data {

const ImageReader* webp_reader() {
  return nullptr;
}

}  // namespace xr::data
