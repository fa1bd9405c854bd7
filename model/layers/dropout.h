#pragma once

#include "model/initializer.h"
#include "model/module.h"

namespace xr::model {

/// Active while training only. The mask depends on (seed, layer, step).
class Dropout final : public Module {
 public:
  /// Takes a random stream of its own.
  Dropout(Initializer& initializer, float probability);
  [[nodiscard]] Shape output_shape(const Shape& x) const override { return x; }

 private:
  [[nodiscard]] Tensor forward(const Tensor& x) override;
  float probability_;
  std::uint64_t seed_, layer_;
};

}  // namespace xr::model
