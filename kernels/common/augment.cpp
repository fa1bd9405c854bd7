#include "kernels/common/augment.h"

#include "kernels/common/checks.h"

namespace xr::kernels {

void require_augment(const AugmentParams& params, const ConstView& images, const ConstView& indices,
                     const ConstView& records, const ConstView& y) {
  require_rank4("augment", "images", images);
  require_rank4("augment", "y", y);
  require_dtype("augment", "images", images, DType::u8);
  require_dtype("augment", "indices", indices, DType::i64);
  require_dtype("augment", "records", records, DType::u8);
  require_contiguous("augment", "images", images);
  const std::int64_t channels = y.shape[1], size = images.shape[2];
  XR_CHECK(images.shape[0] >= 1 && images.shape[1] == channels && images.shape[3] == size && size >= 1 &&
               y.shape[2] == y.shape[3] && y.shape[2] >= 1,
           "augment: images {} do not give y {}: both must be square and have the same channels",
           images.shape.to_string(), y.shape.to_string());
  XR_CHECK(channels >= 1 && channels <= AugmentParams::max_channels, "augment: {} channels are not 1 to {}",
           channels, AugmentParams::max_channels);
  XR_CHECK(size <= max_augment_size && y.shape[2] <= max_augment_size,
           "augment: from {} pixels to {}: at most {} are possible", size, y.shape[2], max_augment_size);
  XR_CHECK(indices.numel() == y.shape[0] && indices.shape.rank() == 1,
           "augment: indices {} for {} images: they must be ({})", indices.shape.to_string(), y.shape[0],
           y.shape[0]);
  XR_CHECK(records.bytes() == static_cast<std::size_t>(y.shape[0]) * sizeof(AugmentRecord),
           "augment: records {} for {} images: they must be ({}, {})", records.shape.to_string(), y.shape[0],
           y.shape[0], sizeof(AugmentRecord));
  for (std::int64_t c = 0; c < channels; ++c)
    XR_CHECK(params.deviation[c] > 0, "augment: the normalisation divides by {}; it must be positive",
             params.deviation[c]);
}

void require_augment_records(std::span<const std::int64_t> indices, std::span<const AugmentRecord> records,
                             std::int64_t count, int size) {
  XR_CHECK(indices.size() == records.size(), "augment: {} records for {} images", records.size(),
           indices.size());
  for (const std::int64_t index : indices)
    XR_CHECK(index >= 0 && index < count, "augment: there is no image {}: there are {}", index, count);
  for (const AugmentRecord& r : records) {
    XR_CHECK(r.x >= 0 && r.y >= 0 && r.width >= 1 && r.height >= 1 && r.width <= size - r.x &&
                 r.height <= size - r.y,
             "augment: the box of {} x {} pixels at ({}, {}) is not within an image of {} x {}", r.width,
             r.height, r.x, r.y, size, size);
    XR_CHECK(r.zoom > 0, "augment: the zoom {} is not positive", r.zoom);
    for (const float value : {r.cosine, r.sine, r.shift_x, r.shift_y, r.zoom, r.brightness, r.contrast})
      XR_CHECK(std::isfinite(value), "augment: a draw is {}: it must be finite", value);
  }
}

}  // namespace xr::kernels
