// One operation of the engine against the oracle: value, gradients, and the oracle's own gradients against
// central differences.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/core/tensor.h"
#include "tests/ops/gradient_case.h"
#include "tests/ops/test_backends.h"

namespace xr::gradcheck {

using kernels::BatchNormParams;
using kernels::Conv2dParams;
using kernels::CrossEntropyParams;
using kernels::DropoutParams;
using kernels::DType;
using kernels::Layout;
using kernels::Pool2dParams;
using kernels::Precision;
using kernels::Shape;
using tests::Arithmetic;
using tests::GradientCase;
using tests::leaf_on;
using tests::norm_tolerance_of;
using tests::RunningStatistics;
using tests::Tape;
using tests::VariablePointer;

/// The precisions that a backend takes.
[[nodiscard]] std::vector<Precision> precisions_of(kernels::Backend& backend);

/// The backend's options of now with another precision.
[[nodiscard]] kernels::BackendOptions with_precision(const kernels::Backend& backend, Precision precision);

/// Runs the case on all backends under test in all precisions that make a difference: tf32 for products
/// alone.
void check_gradients(const GradientCase& test);

/// ||actual - expected|| / max(||expected||, min_norm); NaN if anything is, infinite for other shapes.
[[nodiscard]] double error_of(const engine::Tensor& actual, const reference::Tensor& expected,
                              double min_norm = 0);

[[nodiscard]] double norm_of(const reference::Tensor& x);

/// Evaluates the oracle at operands moved by `step` times `direction`: sum(seed * f), and on which side of
/// each kink it was.
struct Evaluation {
  double value = 0;
  std::vector<std::int64_t> pattern;
};
using MovedOracle = std::function<Evaluation(double step)>;

/// Checks that `slope`, the derivative along a direction that an analytic gradient gives, is what central
/// differences give. `size`: how large slopes are along directions of this kind. Fails if a kink lies
/// between.
void check_slope(const std::string& what, const MovedOracle& evaluate, double slope, double size);

}  // namespace xr::gradcheck
