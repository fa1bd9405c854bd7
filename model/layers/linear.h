#pragma once

#include "model/initializer.h"
#include "model/module.h"

namespace xr::model {

/// (N, in) -> (N, out); weight (out, in), bias (out)
class Linear final : public Module {
 public:
  Linear(Initializer& initializer, std::int64_t in, std::int64_t out, bool zero_bias = false);
  [[nodiscard]] Shape output_shape(const Shape& x) const override;

 private:
  [[nodiscard]] Tensor forward(const Tensor& x) override;
  std::int64_t in_, out_;
  Tensor weight_, bias_;
};

}  // namespace xr::model
