#pragma once

#include "engine/ops/conv2d.h"
#include "model/initializer.h"
#include "model/module.h"

namespace xr::model {

struct Conv2dOptions {
  std::int64_t kernel = 3, stride = 1, padding = 0;
  bool bias = true;
  bool kaiming_normal = false;  ///< false: PyTorch's default for Conv2d
};

/// (N, in, H, W) -> (N, out, H', W'); weight (out, in, k, k), bias (out)
class Conv2d final : public Module {
 public:
  Conv2d(Initializer& initializer, std::int64_t in, std::int64_t out, const Conv2dOptions& options);
  [[nodiscard]] Shape output_shape(const Shape& x) const override;

 private:
  [[nodiscard]] Tensor forward(const Tensor& x) override;
  Shape filter_;
  Tensor weight_, bias_;
  engine::Conv2dParams params_;
};

}  // namespace xr::model
