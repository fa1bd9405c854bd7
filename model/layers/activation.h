#pragma once

#include "model/module.h"

namespace xr::model {

enum class ActivationKind : std::uint8_t { relu, relu6, leaky_relu };

/// ReLU, ReLU6 or leaky ReLU, element by element.
class Activation final : public Module {
 public:
  /// `negative_slope`: of leaky_relu.
  explicit Activation(ActivationKind kind, float negative_slope = 0.01f)
      : kind_(kind), negative_slope_(negative_slope) {}
  [[nodiscard]] Shape output_shape(const Shape& x) const override { return x; }

 private:
  [[nodiscard]] Tensor forward(const Tensor& x) override;
  ActivationKind kind_;
  float negative_slope_;
};

}  // namespace xr::model
