// One operation of the engine against the oracle: value, gradients, and the oracle's own gradients against
// central differences.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/core/tensor.h"
#include "tests/gradcheck/tape.h"
#include "tests/gradcheck/tolerance.h"
#include "tests/kernels/test_backends.h"

namespace xr::gradcheck {

using kernels::DType;
using kernels::Layout;

struct Operand {
  std::string name;
  reference::Tensor value;  ///< numbers that float holds exactly
  Layout layout = Layout::contiguous;
  /// Errors of the gradient are relative to its norm, but at least to this: gradients may cancel.
  double min_norm = 0;
  /// Parameters are f32 in every precision, activations bf16 where the backend keeps them so.
  bool is_parameter = false;
};

[[nodiscard]] Operand parameter(const std::string& name, reference::Tensor value);

using EngineFunction = std::function<engine::Tensor(const std::vector<engine::Tensor>&)>;
using OracleFunction = std::function<VariablePointer(Tape&, const std::vector<VariablePointer>&)>;

struct GradientCase {
  std::string operation, description;
  std::vector<Operand> operands;  ///< all differentiable
  EngineFunction engine;
  OracleFunction oracle;
  Arithmetic arithmetic = Arithmetic::elementwise;
  double growth = 1;      ///< of tolerance_of
  double value_norm = 0;  ///< as Operand::min_norm, for the value
  /// How near a ReLU or a maximum may be to its kink: nearer, rounding could decide otherwise than the
  /// oracle. Not asked for in bf16, where numbers coincide.
  double min_kink_distance = 0;
  Layout result_layout = Layout::contiguous;  ///< backends without this layout are left out
};

/// The precisions that a backend takes.
[[nodiscard]] std::vector<Precision> precisions_of(kernels::Backend& backend);

/// The backend's options of now with another precision.
[[nodiscard]] kernels::BackendOptions with_precision(const kernels::Backend& backend, Precision precision);

/// Runs the case on all backends under test in all precisions that make a difference: tf32 for products
/// alone.
void check_gradients(const GradientCase& test);

/// An oracle's tensor on a device, in a layout, as a leaf that wants a gradient.
[[nodiscard]] engine::Tensor leaf_on(const kernels::Device& device, const reference::Tensor& value,
                                     Layout layout);

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
