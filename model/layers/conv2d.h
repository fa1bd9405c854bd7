#pragma once

#include <span>

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
  [[nodiscard]] const Tensor& weight() const { return weight_; }

  /// From now on, in evaluation: shift + scale (x * weight + bias) for each output channel, and its ReLU. The parameters
  /// stay as they are. Training throws Error.
  void append_scale(std::span<const double> scale, std::span<const double> shift, bool relu);
  /// And then 2x2 pooling, of a convolution with a scale and ReLU.
  void append_max_pool();
  /// Of a convolution with a scale, without ReLU: max(0, (*this)(x) + residual), in fewer passes over memory.
  [[nodiscard]] Tensor add_and_relu(const Tensor& x, const Tensor& residual);

 private:
  [[nodiscard]] Tensor forward(const Tensor& x) override;
  [[nodiscard]] Tensor forward_scaled(const Tensor& x, bool relu, const Tensor& residual);
  /// For an input of shape x.
  [[nodiscard]] engine::Conv2dParams params_for(const Shape& x) const;

  Shape filter_;
  Tensor weight_, bias_;
  engine::Conv2dParams params_;
  bool same_padding_, relu_ = false, max_pool_ = false;
  engine::ConstantFilter scaled_;  ///< or undefined
};

}  // namespace xr::model
