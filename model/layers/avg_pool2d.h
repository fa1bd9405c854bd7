#pragma once

#include "engine/ops/avg_pool2d.h"
#include "model/module.h"

namespace xr::model {

/// Mean over square windows: (N, C, H, W) -> (N, C, H', W'), rounding down.
class AvgPool2d final : public Module {
 public:
  AvgPool2d(std::int64_t kernel, std::int64_t stride, std::int64_t padding = 0);
  [[nodiscard]] Shape output_shape(const Shape& x) const override;

 private:
  [[nodiscard]] Tensor forward(const Tensor& x) override;
  engine::Pool2dParams params_;
};

}  // namespace xr::model
