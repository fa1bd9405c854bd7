#include "data/image/inflate.h"

#include "data/image/deflate.h"
#include "kernels/common/error_codes.h"
#include "tests/data/support.h"

using namespace xr;
using namespace xr::data;

namespace {

using Bytes = std::vector<std::byte>;

/// Without the two bytes before and the checksum after it.
Bytes deflated(const Bytes& bytes) {
  const std::span plain(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  const std::vector<std::uint8_t> packed = deflate_as_stb(plain, 8);
  const std::span raw = std::as_bytes(std::span(packed)).subspan(2, packed.size() - 6);
  return {raw.begin(), raw.end()};
}

ErrorCode code_of_inflate(std::span<const std::byte> bytes, std::size_t max_bytes = 1000000) {
  try {
    (void)inflate_raw(bytes, max_bytes);
  } catch (const Error& error) {
    return error.code();
  }
  return {};
}

}  // namespace

TEST_CASE("deflated data is read as it was, up to a number of bytes, and its damage named") {
  Bytes bytes(200000);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i / 300 * (i % 7));
  const Bytes packed = deflated(bytes);
  if (code_of_inflate(packed) == error_code::image_library_missing) return;
  CHECK(inflate_raw(packed, bytes.size()) == bytes);
  CHECK(inflate_raw(packed, 1000000) == bytes);
  CHECK(code_of_inflate(packed, bytes.size() - 1) == error_code::image_size);
  CHECK(code_of_inflate(packed, 1000) == error_code::image_size);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, packed.size() / 2, packed.size() - 1})
    CHECK(code_of_inflate(std::span(packed).first(size)) == error_code::image_truncated);
  CHECK(code_of_inflate(Bytes(20, std::byte{0xFF})) == error_code::image_damaged);
  CHECK(inflate_raw(deflated({std::byte{7}}), 10) == Bytes{std::byte{7}});
}
