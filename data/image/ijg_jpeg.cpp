#include "data/image/ijg_jpeg.h"

#include "data/image/ijg/decode.h"
#include "kernels/common/error.h"
#include "kernels/common/error_codes.h"

#include <algorithm>
#include <new>

namespace xr::data {

namespace {

constexpr std::uint32_t lossless_process = 0xC3;  // Huffman-coded, not hierarchical

}  // namespace

bool can_decode_with_ijg(const JpegFrame& frame) {
  if (frame.marker == lossless_process) return frame.bits >= 2 && frame.bits <= 16;
  return frame.bits == 12 && (frame.marker == 0xC1 || frame.marker == 0xC2);
}

RawImage decode_with_ijg(std::span<const std::byte> bytes, const JpegFrame& frame) {
  ijg::Result result;
  const std::size_t samples =
      std::size_t{frame.width} * frame.height * static_cast<std::size_t>(frame.components);
  (frame.bits <= 8    ? ijg::decode_8
   : frame.bits <= 12 ? ijg::decode_12
                      : ijg::decode_16)(bytes, samples, result);
  if (result.status == ijg::Result::Status::out_of_memory) throw std::bad_alloc();
  XR_CHECK_CODE(result.status != ijg::Result::Status::truncated, error_code::image_truncated,
                "the JPEG is truncated: it ends after {} bytes without its end marker", bytes.size());
  XR_CHECK_CODE(result.status == ijg::Result::Status::decoded && result.width == frame.width &&
                    result.height == frame.height && result.components == frame.components,
                error_code::image_damaged, "the JPEG is damaged: {}",
                result.message[0] != '\0' ? result.message.data() : "it has two frame headers that differ");
  RawImage raw;
  raw.width = static_cast<int>(result.width);
  raw.height = static_cast<int>(result.height);
  raw.channels = result.components;
  raw.orientation = frame.orientation;
  const unsigned white = (1u << frame.bits) - 1;
  if (frame.bits > 8) {
    raw.white = frame.bits == 16 ? 0 : white;
    raw.words = std::move(result.samples);
    return raw;
  }
  raw.bytes.resize(result.samples.size());
  std::ranges::transform(result.samples, raw.bytes.begin(), [white](unsigned sample) {
    return static_cast<std::uint8_t>((std::min(sample, white) * 255u + white / 2) / white);
  });
  return raw;
}

}  // namespace xr::data
