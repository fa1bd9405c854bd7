// Cross-correlation with stride, padding, dilation and groups (PyTorch's Conv2d).
//   y[n, o, i, j] = bias[o] + sum over c, p, q of x[n, c, i s - pad + p d, j s - pad + q d] filter[o, c, p,
//   q]
// with c over the channels of o's group; x outside of the image is 0.
#pragma once

#include "kernels/backend.h"
#include "tests/reference/tensor.h"

namespace xr::reference {

using kernels::Conv2dParams;

inline Shape conv2d_shape(const Conv2dParams& params, const Shape& x, const Shape& filter) {
  return {x[0], filter[0],
          (x[2] + 2 * params.padding_h + params.extra_h - params.dilation_h * (filter[2] - 1) - 1) /
                  params.stride_h +
              1,
          (x[3] + 2 * params.padding_w + params.extra_w - params.dilation_w * (filter[3] - 1) - 1) /
                  params.stride_w +
              1};
}

/// Calls visit(index into x, index into filter, index into y) for every product of the sum above.
template <class Visit>
void conv2d_for_each_product(const Conv2dParams& params, const Shape& x, const Shape& filter, const Shape& y,
                             Visit&& visit) {
  const std::int64_t outputs_per_group = filter[0] / params.groups, inputs_per_group = filter[1];
  for (std::int64_t n = 0; n < y[0]; ++n)
    for (std::int64_t o = 0; o < y[1]; ++o)
      for (std::int64_t i = 0; i < y[2]; ++i)
        for (std::int64_t j = 0; j < y[3]; ++j)
          for (std::int64_t c = 0; c < inputs_per_group; ++c)
            for (std::int64_t p = 0; p < filter[2]; ++p)
              for (std::int64_t q = 0; q < filter[3]; ++q) {
                const std::int64_t h = i * params.stride_h - params.padding_h + p * params.dilation_h;
                const std::int64_t w = j * params.stride_w - params.padding_w + q * params.dilation_w;
                if (h < 0 || h >= x[2] || w < 0 || w >= x[3]) continue;
                const std::int64_t channel = o / outputs_per_group * inputs_per_group + c;
                visit(((n * x[1] + channel) * x[2] + h) * x[3] + w,
                      ((o * filter[1] + c) * filter[2] + p) * filter[3] + q,
                      ((n * y[1] + o) * y[2] + i) * y[3] + j);
              }
}

/// x (N, C, H, W), filter (O, C / groups, kH, kW), bias (O) or null; y (N, O, H', W').
inline Tensor conv2d_forward(const Conv2dParams& params, const Tensor& x, const Tensor& filter,
                             const Tensor* bias) {
  Tensor y(conv2d_shape(params, x.shape, filter.shape));
  const std::int64_t plane = y.shape[2] * y.shape[3];
  if (bias != nullptr)
    for (std::int64_t i = 0; i < y.size(); ++i) y[i] = (*bias)[i / plane % y.shape[1]];
  conv2d_for_each_product(
      params, x.shape, filter.shape, y.shape,
      [&](std::int64_t in, std::int64_t tap, std::int64_t out) { y[out] += x[in] * filter[tap]; });
  return y;
}

inline Tensor conv2d_backward_data(const Conv2dParams& params, const Tensor& dy, const Tensor& filter,
                                   const Shape& x) {
  Tensor dx(x);
  conv2d_for_each_product(
      params, x, filter.shape, dy.shape,
      [&](std::int64_t in, std::int64_t tap, std::int64_t out) { dx[in] += dy[out] * filter[tap]; });
  return dx;
}

inline Tensor conv2d_backward_filter(const Conv2dParams& params, const Tensor& x, const Tensor& dy,
                                     const Shape& filter) {
  Tensor d_filter(filter);
  conv2d_for_each_product(
      params, x.shape, filter, dy.shape,
      [&](std::int64_t in, std::int64_t tap, std::int64_t out) { d_filter[tap] += x[in] * dy[out]; });
  return d_filter;
}

/// d_bias (O): the sum of dy over N, H' and W'.
inline Tensor conv2d_backward_bias(const Tensor& dy) {
  Tensor d_bias(Shape{dy.shape[1]});
  const std::int64_t plane = dy.shape[2] * dy.shape[3];
  for (std::int64_t i = 0; i < dy.size(); ++i) d_bias[i / plane % dy.shape[1]] += dy[i];
  return d_bias;
}

}  // namespace xr::reference
