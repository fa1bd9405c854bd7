// In the place of ../ijg_jpeg.cpp, where GDCM was not found.
#include "data/image/ijg_jpeg.h"

#include "kernels/common/error.h"
#include "kernels/common/error_codes.h"

namespace xr::data {

bool can_decode_with_ijg(const JpegFrame&) {
  return false;
}

RawImage decode_with_ijg(std::span<const std::byte>, const JpegFrame& frame) {
  throw Error(
      error_code::image_library_missing,
      fmt::format("a {} JPEG, for which this build has no reader: install libgdcm-dev and build again",
                  jpeg_process_name(frame)));
}

}  // namespace xr::data
