#include "kernels/cpu/pool2d.h"

namespace xr::kernels::cpu {

XR_MULTIVERSION void add_pixels(const float* __restrict from, std::int64_t from_step, float* __restrict to,
                                std::int64_t to_step, std::int64_t pixels, std::int64_t lanes) {
  if (lanes == 16) {
    for (std::int64_t p = 0; p < pixels; ++p)
      for (std::int64_t i = 0; i < 16; ++i) to[p * to_step + i] += from[p * from_step + i];
  } else if (lanes == 1) {
    for (std::int64_t p = 0; p < pixels; ++p) to[p * to_step] += from[p * from_step];
  } else {
    for (std::int64_t p = 0; p < pixels; ++p)
      for (std::int64_t i = 0; i < lanes; ++i) to[p * to_step + i] += from[p * from_step + i];
  }
}

}  // namespace xr::kernels::cpu
