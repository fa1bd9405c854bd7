// Augmentation on the host, one channel of one image after another.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/common/augment.h"
#include "kernels/common/resample.h"

namespace xr::kernels {

/// Keeps its buffers, so that a steady state allocates nothing. One per thread.
class PlaneAugmenter {
 public:
  /// `plane`: size x size bytes; `output`: side x side floats.
  void apply(const std::uint8_t* plane, int size, const AugmentRecord& record, const Exposure& exposure,
             int side, float* output);

 private:
  void crop(const std::uint8_t* plane, int size, const AugmentRecord& record, int side, float* output);
  void warp(const std::uint8_t* plane, int size, const AugmentRecord& record, int side, float* output);

  Taps x_taps_, y_taps_;
  std::vector<float> row_;
  std::vector<std::uint8_t> reduced_;
};

}  // namespace xr::kernels
