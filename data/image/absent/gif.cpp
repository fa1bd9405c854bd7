// In the place of ../gif.cpp, where its library was not found.
#include "data/image/raw_image.h"

namespace xr::data {

const ImageReader* gif_reader() {
  return nullptr;
}

}  // namespace xr::data
