#pragma once

#include "model/module.h"

namespace xr::model {

/// (N, ...) -> (N, product of the rest)
class Flatten final : public Module {
 public:
  [[nodiscard]] Shape output_shape(const Shape& x) const override;

 private:
  [[nodiscard]] Tensor forward(const Tensor& x) override;
};

}  // namespace xr::model
