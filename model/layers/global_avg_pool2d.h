#pragma once

#include "model/module.h"

namespace xr::model {

/// (N, C, H, W) -> (N, C), the mean over each image
class GlobalAvgPool2d final : public Module {
 public:
  [[nodiscard]] Shape output_shape(const Shape& x) const override;

 private:
  [[nodiscard]] Tensor forward(const Tensor& x) override;
};

}  // namespace xr::model
