// Whole passes of batch normalisation with an optional ReLU after it: shared by batch_norm2d.cpp and
// batch_norm2d_relu.cpp.
#pragma once

#include <vector>

#include "kernels/backend.h"
#include "kernels/cpu/batch_norm2d/batch_norm2d_statistics.h"

namespace xr::kernels::cpu {

// x and dx may have more channels than y, dy and the parameters, which are of their first ones.

void forward_training(const BatchNormParams& params, Rectifier rectifier, const ConstView& x,
                      const ConstView& gamma, const ConstView& beta, const View& running_mean,
                      const View& running_var, const View& y, const View& mean, const View& inverse_std);

void forward_inference(const BatchNormParams& params, Rectifier rectifier, const ConstView& x,
                       const ConstView& gamma, const ConstView& beta, const ConstView& running_mean,
                       const ConstView& running_var, const View& y);

/// beta is needed (and must be defined) only with GradientMask::after_relu and after_relu6.
void backward_training(GradientMask mask, const ConstView& x, const ConstView& dy, const ConstView& gamma,
                       const ConstView& beta, const ConstView& mean, const ConstView& inverse_std,
                       const View& dx, GradientWrite write_dx, const View& d_gamma,
                       GradientWrite write_d_gamma, const View& d_beta, GradientWrite write_d_beta);

/// dx = scale ((dy - mean_dy) - (x - mean) slope), dy counted as in the mask. T: float or Bf16, the type of all three.
template <class T>
void input_gradient_pass(const ChannelLayout& layout, GradientMask mask, const ChannelParameters& parameters,
                         const std::vector<double>& mean_dy, const std::vector<double>& slope, const T* x,
                         const T* dy, const View& dx, GradientWrite write);

}  // namespace xr::kernels::cpu
