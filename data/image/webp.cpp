// WebP through libwebp: the picture, or the first frame of an animation.
#include "data/image/byte_reader.h"
#include "data/image/exif.h"
#include "data/image/raw_image.h"

#include <memory>

#include <webp/decode.h>
#include <webp/demux.h>

namespace xr::data {

namespace {

[[noreturn]] void throw_webp_error(VP8StatusCode status, std::size_t size) {
  switch (status) {
    case VP8_STATUS_OUT_OF_MEMORY:
      throw std::bad_alloc();
    case VP8_STATUS_NOT_ENOUGH_DATA:
      throw Error(error_code::image_truncated,
                  fmt::format("the WebP image is truncated: it ends after {} bytes", size));
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      throw Error(error_code::image_unsupported,
                  "the WebP image uses a feature that is not read: convert it to PNG");
    default:
      throw Error(error_code::image_damaged, "the WebP image is damaged");
  }
}

const std::uint8_t* webp_bytes(std::span<const std::byte> bytes) {
  return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

WebPBitstreamFeatures webp_features(std::span<const std::byte> bytes) {
  WebPBitstreamFeatures features;
  const VP8StatusCode status = WebPGetFeatures(webp_bytes(bytes), bytes.size(), &features);
  if (status != VP8_STATUS_OK) throw_webp_error(status, bytes.size());
  return features;
}

/// RIFF chunks of a type, length and padded data follow the form type (Resource Interchange File Format).
int webp_orientation(std::span<const std::byte> bytes) {
  const ByteReader reader(bytes);
  for (std::size_t at = 12; at + 8 <= bytes.size();) {
    const std::size_t length = reader.little32(at + 4);
    if (length > bytes.size() - at - 8) break;
    if (starts_with(bytes.subspan(at), "EXIF")) return exif_orientation(bytes.subspan(at + 8, length));
    at += 8 + length + length % 2;
  }
  return 1;
}

struct DeleteAnimation {
  void operator()(WebPAnimDecoder* decoder) const { WebPAnimDecoderDelete(decoder); }
};

void decode_first_frame(std::span<const std::byte> bytes, RawImage& raw) {
  WebPAnimDecoderOptions options;
  XR_CHECK(WebPAnimDecoderOptionsInit(&options) != 0,
           "the WebP library has another version than its headers");
  options.color_mode = MODE_RGBA;
  const WebPData data{webp_bytes(bytes), bytes.size()};
  const std::unique_ptr<WebPAnimDecoder, DeleteAnimation> decoder(WebPAnimDecoderNew(&data, &options));
  WebPAnimInfo info;
  std::uint8_t* pixels = nullptr;
  int time = 0;
  XR_CHECK_CODE(decoder != nullptr && WebPAnimDecoderGetInfo(decoder.get(), &info) != 0 &&
                    static_cast<int>(info.canvas_width) == raw.width &&
                    static_cast<int>(info.canvas_height) == raw.height &&
                    WebPAnimDecoderGetNext(decoder.get(), &pixels, &time) != 0,
                error_code::image_damaged, "the WebP animation is truncated or damaged");
  raw.frames = static_cast<int>(info.frame_count);
  raw.bytes.assign(pixels, pixels + sample_count(raw));
}

ImageHeader webp_header(std::span<const std::byte> bytes) {
  const WebPBitstreamFeatures features = webp_features(bytes);
  return {ImageFormat::webp, static_cast<std::uint64_t>(features.width),
          static_cast<std::uint64_t>(features.height), features.has_alpha != 0 ? 4 : 3, 8};
}

RawImage decode_webp(std::span<const std::byte> bytes, const ImageHeader& header) {
  const ByteReader reader(bytes);
  const std::uint64_t stated = std::uint64_t{reader.little32(4)} + 8;  // of the RIFF header
  XR_CHECK_CODE(stated <= bytes.size() + 1, error_code::image_truncated,
                "the WebP image is truncated: it has {} bytes of {}", bytes.size(), stated);
  const WebPBitstreamFeatures features = webp_features(bytes);
  RawImage raw;
  raw.width = static_cast<int>(header.width);
  raw.height = static_cast<int>(header.height);
  raw.orientation = webp_orientation(bytes);
  if (features.has_animation != 0) {
    raw.channels = 4;
    decode_first_frame(bytes, raw);
    return raw;
  }
  raw.channels = header.channels;
  raw.bytes.resize(sample_count(raw));
  WebPDecoderConfig config;
  XR_CHECK(WebPInitDecoderConfig(&config) != 0, "the WebP library has another version than its headers");
  config.output.colorspace = raw.channels == 4 ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = raw.bytes.data();
  config.output.u.RGBA.stride = raw.width * raw.channels;
  config.output.u.RGBA.size = raw.bytes.size();
  const VP8StatusCode status = WebPDecode(webp_bytes(bytes), bytes.size(), &config);
  if (status != VP8_STATUS_OK) throw_webp_error(status, bytes.size());
  return raw;
}

}  // namespace

const ImageReader* webp_reader() {
  static constexpr ImageReader reader{webp_header, decode_webp};
  return &reader;
}

}  // namespace xr::data
