#include "kernels/cpu/pool2d.h"

namespace xr::kernels::cpu {

namespace {

template <std::int64_t Lanes, class T>
[[gnu::always_inline]] inline void add_lanes(const T* __restrict from, std::int64_t from_step,
                                             float* __restrict to, std::int64_t to_step, std::int64_t pixels,
                                             std::int64_t lanes) {
  const std::int64_t n = Lanes > 0 ? Lanes : lanes;
  for (std::int64_t p = 0; p < pixels; ++p)
    for (std::int64_t i = 0; i < n; ++i) to[p * to_step + i] += to_float(from[p * from_step + i]);
}

template <class T>
[[gnu::always_inline]] inline void add(const T* from, std::int64_t from_step, float* to, std::int64_t to_step,
                                       std::int64_t pixels, std::int64_t lanes) {
  if (lanes == 16)
    add_lanes<16>(from, from_step, to, to_step, pixels, lanes);
  else if (lanes == 1)
    add_lanes<1>(from, from_step, to, to_step, pixels, lanes);
  else
    add_lanes<0>(from, from_step, to, to_step, pixels, lanes);
}

}  // namespace

XR_MULTIVERSION void add_pixels(const float* from, std::int64_t from_step, float* to, std::int64_t to_step,
                                std::int64_t pixels, std::int64_t lanes) {
  add(from, from_step, to, to_step, pixels, lanes);
}

XR_MULTIVERSION void add_pixels(const Bf16* from, std::int64_t from_step, float* to, std::int64_t to_step,
                                std::int64_t pixels, std::int64_t lanes) {
  add(from, from_step, to, to_step, pixels, lanes);
}

}  // namespace xr::kernels::cpu
