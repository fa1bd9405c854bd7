// What max and average pooling share: the window.
#pragma once

#include <algorithm>

#include "kernels/backend.h"
#include "tests/reference/tensor.h"

namespace xr::reference {

using kernels::Pool2dParams;

inline Shape pool2d_shape(const Pool2dParams& params, const Shape& x) {
  return {x[0], x[1], (x[2] + 2 * params.padding_h - params.kernel_h) / params.stride_h + 1,
          (x[3] + 2 * params.padding_w - params.kernel_w) / params.stride_w + 1};
}

/// Calls visit(index into x) for the elements of the window of y[i, j] in plane number `plane` (n C + c), in
/// row-major order, padding left out.
template <class Visit>
void pool2d_for_each_in_window(const Pool2dParams& params, const Shape& x, std::int64_t plane, std::int64_t i,
                               std::int64_t j, Visit&& visit) {
  for (std::int64_t p = 0; p < params.kernel_h; ++p)
    for (std::int64_t q = 0; q < params.kernel_w; ++q) {
      const std::int64_t h = i * params.stride_h - params.padding_h + p;
      const std::int64_t w = j * params.stride_w - params.padding_w + q;
      if (h >= 0 && h < x[2] && w >= 0 && w < x[3]) visit((plane * x[2] + h) * x[3] + w);
    }
}

/// Calls visit(index into y, plane, i, j) for every element of y.
template <class Visit>
void pool2d_for_each_output(const Shape& y, Visit&& visit) {
  std::int64_t out = 0;
  for (std::int64_t plane = 0; plane < y[0] * y[1]; ++plane)
    for (std::int64_t i = 0; i < y[2]; ++i)
      for (std::int64_t j = 0; j < y[3]; ++j) visit(out++, plane, i, j);
}

}  // namespace xr::reference
