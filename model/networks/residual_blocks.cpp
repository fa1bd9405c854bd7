#include "model/networks/residual_blocks.h"

#include "engine/ops/add.h"
#include "engine/ops/relu.h"

namespace xr::model {

Conv2dOptions residual_convolution(std::int64_t kernel, std::int64_t stride) {
  return {.kernel = kernel,
          .stride = stride,
          .padding = kernel / 2,
          .bias = false,
          .weights = ConvolutionWeights::fan_out};
}

std::unique_ptr<Sequential> make_downsample(Initializer& initializer, std::int64_t in, std::int64_t out,
                                            std::int64_t stride) {
  if (stride == 1 && in == out) return nullptr;
  auto downsample = std::make_unique<Sequential>();
  downsample->add<Conv2d>("0", initializer, in, out, residual_convolution(1, stride));
  downsample->add<BatchNorm2d>("1", initializer, out);
  return downsample;
}

namespace {

/// The end of a block: relu(norm(convolution(x)) + shortcut).
Tensor add_shortcut(Conv2d& convolution, BatchNorm2d& norm, const Tensor& x, const Tensor& shortcut) {
  if (norm.folded()) return convolution.add_and_relu(x, shortcut);
  return engine::relu(engine::add(norm(convolution(x)), shortcut));
}

}  // namespace

BasicBlock::BasicBlock(Initializer& initializer, std::int64_t in, std::int64_t width, std::int64_t stride)
    : conv1_(initializer, in, width, residual_convolution(3, stride)),
      bn1_(initializer, width, {.relu = true}),
      conv2_(initializer, width, width, residual_convolution(3, 1)),
      bn2_(initializer, width),
      downsample_(make_downsample(initializer, in, width, stride)) {
  register_module("conv1", conv1_);
  register_module("bn1", bn1_);
  register_module("conv2", conv2_);
  register_module("bn2", bn2_);
  if (downsample_) register_module("downsample", *downsample_);
}

Shape BasicBlock::output_shape(const Shape& x) const {
  return bn2_.output_shape(conv2_.output_shape(bn1_.output_shape(conv1_.output_shape(x))));
}

Tensor BasicBlock::forward(const Tensor& x) {
  const Tensor branch = bn1_(conv1_(x));
  return add_shortcut(conv2_, bn2_, branch, downsample_ ? (*downsample_)(x) : x);
}

Bottleneck::Bottleneck(Initializer& initializer, std::int64_t in, std::int64_t width, std::int64_t stride)
    : conv1_(initializer, in, width, residual_convolution(1, 1)),
      bn1_(initializer, width, {.relu = true}),
      conv2_(initializer, width, width, residual_convolution(3, stride)),
      bn2_(initializer, width, {.relu = true}),
      conv3_(initializer, width, expansion * width, residual_convolution(1, 1)),
      bn3_(initializer, expansion * width),
      downsample_(make_downsample(initializer, in, expansion * width, stride)) {
  register_module("conv1", conv1_);
  register_module("bn1", bn1_);
  register_module("conv2", conv2_);
  register_module("bn2", bn2_);
  register_module("conv3", conv3_);
  register_module("bn3", bn3_);
  if (downsample_) register_module("downsample", *downsample_);
}

Shape Bottleneck::output_shape(const Shape& x) const {
  const Shape middle = bn2_.output_shape(conv2_.output_shape(bn1_.output_shape(conv1_.output_shape(x))));
  return bn3_.output_shape(conv3_.output_shape(middle));
}

Tensor Bottleneck::forward(const Tensor& x) {
  const Tensor branch = bn2_(conv2_(bn1_(conv1_(x))));
  return add_shortcut(conv3_, bn3_, branch, downsample_ ? (*downsample_)(x) : x);
}

}  // namespace xr::model
