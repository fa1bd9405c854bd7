// In the place of ../tiff.cpp, where its library was not found.
#include "data/image/raw_image.h"

namespace xr::data {

const ImageReader* tiff_reader() {
  return nullptr;
}

}  // namespace xr::data
