// Through zlib.
#include "data/image/inflate.h"

#include "kernels/common/error.h"
#include "kernels/common/error_codes.h"

#include <algorithm>
#include <memory>
#include <new>

#include <zlib.h>

namespace xr::data {

std::vector<std::byte> inflate_raw(std::span<const std::byte> bytes, std::size_t max_bytes) {
  constexpr int raw_deflate = -15;
  z_stream stream{};
  if (inflateInit2(&stream, raw_deflate) != Z_OK) throw std::bad_alloc();
  const std::unique_ptr<z_stream, decltype(&inflateEnd)> ending(&stream, inflateEnd);
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::vector<std::byte> result;
  for (int status = Z_OK; status != Z_STREAM_END;) {
    const std::size_t have = result.size();
    XR_CHECK_CODE(have < max_bytes, error_code::image_size, "the data set inflates to more than {} bytes",
                  max_bytes);
    result.resize(std::min(max_bytes, std::max<std::size_t>(2 * have, 65536)));
    stream.next_out = reinterpret_cast<Bytef*>(result.data() + have);
    stream.avail_out = static_cast<uInt>(result.size() - have);
    status = inflate(&stream, Z_NO_FLUSH);
    result.resize(result.size() - stream.avail_out);
    if (status == Z_MEM_ERROR) throw std::bad_alloc();
    XR_CHECK_CODE(status != Z_BUF_ERROR && (status != Z_OK || stream.avail_in > 0 || stream.avail_out == 0),
                  error_code::image_truncated, "the deflated data set is truncated");
    XR_CHECK_CODE(status == Z_OK || status == Z_STREAM_END, error_code::image_damaged,
                  "the deflated data set is damaged");
  }
  return result;
}

}  // namespace xr::data
