// Dropout: an element is zeroed where its random number, uniform_float(philox_word(seed, stream, offset +
// i)), is below the probability; the others are divided by 1 - probability. i is the element's index in
// logical order, or n C + c for whole channels. Linear in x, so the backward is the same function of dy.
#pragma once

#include "kernels/backend.h"
#include "kernels/common/random.h"
#include "tests/reference/tensor.h"

namespace xr::reference {

using kernels::DropoutParams;

inline Tensor dropout(const DropoutParams& params, const Tensor& x) {
  Tensor y(x.shape);
  const std::int64_t plane = params.whole_channels ? x.shape[2] * x.shape[3] : 1;
  for (std::int64_t i = 0; i < x.size(); ++i) {
    const std::uint64_t draw = params.offset + static_cast<std::uint64_t>(i / plane);
    const float uniform = uniform_float(philox_word(params.seed, params.stream, draw));
    y[i] = uniform < params.probability ? 0.0 * x[i]  // NaN stays
                                        : x[i] / (1.0 - static_cast<double>(params.probability));
  }
  return y;
}

}  // namespace xr::reference
