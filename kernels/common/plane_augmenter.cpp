#include "kernels/common/plane_augmenter.h"

namespace xr::kernels {

void PlaneAugmenter::apply(const std::uint8_t* plane, int size, const AugmentRecord& record,
                           const Exposure& exposure, int side, float* output) {
  if (is_warped(record))
    warp(plane, size, record, side, output);
  else
    crop(plane, size, record, side, output);
  const std::size_t count = static_cast<std::size_t>(side) * side;
  for (std::size_t i = 0; i < count; ++i) output[i] = exposure(output[i]);
}

void PlaneAugmenter::crop(const std::uint8_t* plane, int size, const AugmentRecord& record, int side,
                          float* output) {
  x_taps_.compute(record.x, record.width, side, 0, side, record.flip != 0);
  y_taps_.compute(record.y, record.height, side, 0, side);
  resample(plane, size, 1, x_taps_, y_taps_, row_, [&](int, int, int, float value) { *output++ = value; });
}

void PlaneAugmenter::warp(const std::uint8_t* plane, int size, const AugmentRecord& record, int side,
                          float* output) {
  if (is_reduced_before_warp(record, side)) {
    reduced_.resize(static_cast<std::size_t>(side) * side);
    std::uint8_t* target = reduced_.data();
    x_taps_.compute(record.x, record.width, side, 0, side);
    y_taps_.compute(record.y, record.height, side, 0, side);
    resample(plane, size, 1, x_taps_, y_taps_, row_,
             [&](int, int, int, float value) { *target++ = to_byte(value); });
    plane = reduced_.data();
  }
  const WarpMap map = WarpMap::of(record, size, side);
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x) *output++ = map.sample(plane, x, y);
}

}  // namespace xr::kernels
