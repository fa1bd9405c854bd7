// One operation of the engine beside the same on the oracle's tape: what the gradient checks compare.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/core/tensor.h"
#include "tests/ops/tape.h"
#include "tests/ops/tolerance.h"

namespace xr::tests {

struct GradientOperand {
  std::string name;
  reference::Tensor value;  ///< numbers that float holds exactly
  kernels::Layout layout = kernels::Layout::contiguous;
  /// Errors of the gradient are relative to its norm, but at least to this: gradients may cancel.
  double min_norm = 0;
  /// Parameters are f32 in every precision, activations bf16 where the backend keeps them so.
  bool is_parameter = false;
};

[[nodiscard]] GradientOperand activation(const std::string& name, reference::Tensor value,
                                         kernels::Layout layout = kernels::Layout::contiguous,
                                         double min_norm = 0);
[[nodiscard]] GradientOperand parameter(const std::string& name, reference::Tensor value);

using EngineTensors = const std::vector<engine::Tensor>&;
using Variables = const std::vector<VariablePointer>&;

struct GradientCase {
  std::string operation, description;
  std::vector<GradientOperand> operands;  ///< all differentiable
  std::function<engine::Tensor(EngineTensors)> engine;
  std::function<VariablePointer(Tape&, Variables)> oracle;
  Arithmetic arithmetic = Arithmetic::elementwise;
  double growth = 1;      ///< of norm_tolerance_of
  double value_norm = 0;  ///< as GradientOperand::min_norm, for the value
  /// How near a ReLU or a maximum may be to its kink: nearer, rounding could decide otherwise than the
  /// oracle. Not asked for in bf16, where numbers coincide.
  double min_kink_distance = 0;
  kernels::Layout result_layout = kernels::Layout::contiguous;  ///< backends without this layout are skipped
};

using GradientSink = std::function<void(const GradientCase&)>;

/// An oracle's tensor on a device, in a layout, as a leaf that wants a gradient.
[[nodiscard]] engine::Tensor leaf_on(const kernels::Device& device, const reference::Tensor& value,
                                     kernels::Layout layout);
/// An oracle's tensor beside another tensor, without a gradient.
[[nodiscard]] engine::Tensor constant_beside(const engine::Tensor& other, const reference::Tensor& value);

/// The float64 oracle takes some 5 ns for a product, and a case takes ten of its runs.
#if defined(XR_SANITIZED)
inline constexpr std::int64_t max_gradient_flops = 400000;
#else
inline constexpr std::int64_t max_gradient_flops = 4000000;
#endif

}  // namespace xr::tests
