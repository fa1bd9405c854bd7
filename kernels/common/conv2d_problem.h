// What a call of conv2d asks for, checked: shared by the backends.
#pragma once

#include "kernels/backend.h"

namespace xr::kernels {

/// Throws Error unless x (or dx), filter (or d_filter) and y (or dy) are a convolution with these parameters:
/// f32 parameters, activations of one type. The names are those of the call's operands.
[[nodiscard]] Conv2dProblem check_conv2d(const char* operation, const Conv2dParams& params,
                                         const char* x_name, const ConstView& x, const ConstView& filter,
                                         const char* y_name, const ConstView& y);

}  // namespace xr::kernels
