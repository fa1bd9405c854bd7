#include "kernels/ops/augment.h"

#include "kernels/common/checks.h"

namespace xr::kernels {

void Augment::validate() const {
  require_rank4(name, "images", images);
  require_rank4(name, "y", y);
  require_activation(name, "y", y);
  require_dtype(name, "images", images, DType::u8);
  require_dtype(name, "indices", indices, DType::i64);
  require_dtype(name, "records", records, DType::u8);
  require_contiguous(name, "images", images);
  XR_CHECK(y.layout != Layout::blocked16, "{}: y is blocked16: use contiguous or channels_last", name);
  const std::int64_t channels = y.shape[1], size = images.shape[2];
  XR_CHECK(images.shape[0] >= 1 && images.shape[1] == channels && images.shape[3] == size && size >= 1 &&
               y.shape[2] == y.shape[3] && y.shape[2] >= 1,
           "{}: images {} do not give y {}: both must be square and have the same channels", name,
           images.shape.to_string(), y.shape.to_string());
  XR_CHECK(channels >= 1 && channels <= AugmentParams::max_channels, "{}: {} channels are not 1 to {}", name,
           channels, AugmentParams::max_channels);
  XR_CHECK(size <= max_augment_size && y.shape[2] <= max_augment_size,
           "{}: from {} pixels to {}: at most {} are possible", name, size, y.shape[2], max_augment_size);
  XR_CHECK(indices.numel() == y.shape[0] && indices.shape.rank() == 1,
           "{}: indices {} for {} images: they must be ({})", name, indices.shape.to_string(), y.shape[0],
           y.shape[0]);
  XR_CHECK(records.bytes() == static_cast<std::size_t>(y.shape[0]) * sizeof(AugmentRecord),
           "{}: records {} for {} images: they must be ({}, {})", name, records.shape.to_string(), y.shape[0],
           y.shape[0], sizeof(AugmentRecord));
  for (std::int64_t c = 0; c < channels; ++c)
    XR_CHECK(params.deviation[c] > 0, "{}: the normalisation divides by {}; it must be positive", name,
             params.deviation[c]);
}

std::int64_t Augment::bytes() const {
  const std::int64_t image = images.numel() / images.shape[0];
  return y.shape[0] * image + bytes_of(indices, records, y);
}

}  // namespace xr::kernels
