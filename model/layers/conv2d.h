#pragma once

#include "engine/ops/conv2d.h"
#include "model/initializer.h"
#include "model/module.h"

namespace xr::model {

/// What the weights start from: PyTorch's default, or a normal distribution by the number of inputs or outputs.
enum class ConvolutionWeights : std::uint8_t { uniform, fan_in, fan_out };

struct Conv2dOptions {
  std::int64_t kernel = 3, stride = 1, padding = 0, groups = 1;
  bool bias = true;
  ConvolutionWeights weights = ConvolutionWeights::uniform;
  /// Instead of `padding` as much that an extent H becomes ceil(H / stride), the odd row or column at the end:
  /// TensorFlow's "SAME".
  bool same_padding = false;
};

/// (N, in, H, W) -> (N, out, H', W'); weight (out, in / groups, k, k), bias (out)
class Conv2d final : public Module {
 public:
  Conv2d(Initializer& initializer, std::int64_t in, std::int64_t out, const Conv2dOptions& options);
  [[nodiscard]] Shape output_shape(const Shape& x) const override;

 private:
  [[nodiscard]] Tensor forward(const Tensor& x) override;
  /// For an input of shape x.
  [[nodiscard]] engine::Conv2dParams params_for(const Shape& x) const;

  Shape filter_;
  Tensor weight_, bias_;
  engine::Conv2dParams params_;
  bool same_padding_;
};

}  // namespace xr::model
