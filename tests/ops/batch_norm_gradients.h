// The gradients of batch norm through the engine, alone and with what may follow it.
#pragma once

#include "tests/ops/batch_norm_cases.h"
#include "tests/ops/operation.h"

namespace xr::tests {

void check_batch_norm2d_gradients(const GradientSink& check, const BatchNormCase& c);
/// With ReLU; with ReLU6; and with ReLU and 2x2 max pooling, where the images are large enough.
void check_batch_norm2d_relu_gradients(const GradientSink& check, const BatchNormCase& c);

}  // namespace xr::tests
