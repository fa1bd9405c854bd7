#include "model/networks/xray_resnet.h"

#include "engine/ops/add.h"
#include "engine/ops/global_avg_pool2d.h"
#include "engine/ops/relu.h"

namespace xr::model {

namespace {

Conv2dOptions unbiased(std::int64_t kernel, std::int64_t stride) {
  return {.kernel = kernel, .stride = stride, .padding = kernel / 2, .bias = false, .kaiming_normal = true};
}

}  // namespace

XrayResnet::Shortcut::Shortcut(Initializer& initializer, std::int64_t in, std::int64_t out,
                               std::int64_t stride)
    : conv(initializer, in, out, unbiased(1, stride)), norm(initializer.device, out) {
  register_module("0", conv);
  register_module("1", norm);
}

Tensor XrayResnet::Shortcut::forward(const Tensor& x) {
  return observed(norm.forward(conv.forward(x)));
}

XrayResnet::BasicBlock::BasicBlock(Initializer& initializer, std::int64_t in, std::int64_t out,
                                   std::int64_t stride)
    : conv1(initializer, in, out, unbiased(3, stride)),
      bn1(initializer.device, out),
      conv2(initializer, out, out, unbiased(3, 1)),
      bn2(initializer.device, out) {
  register_module("conv1", conv1);
  register_module("bn1", bn1);
  register_module("conv2", conv2);
  register_module("bn2", bn2);
  if (stride != 1 || in != out) {
    downsample = std::make_unique<Shortcut>(initializer, in, out, stride);
    register_module("downsample", *downsample);
  }
}

Tensor XrayResnet::BasicBlock::forward(const Tensor& x) {
  const Tensor branch = bn2.forward(conv2.forward(bn1.forward_relu(conv1.forward(x), false)));
  return observed(engine::relu(engine::add(branch, downsample ? downsample->forward(x) : x)));
}

XrayResnet::Stage::Stage(Initializer& initializer, std::int64_t in, std::int64_t out, std::int64_t stride)
    : first(initializer, in, out, stride), second(initializer, out, out, 1) {
  register_module("0", first);
  register_module("1", second);
}

Tensor XrayResnet::Stage::forward(const Tensor& x) {
  return observed(second.forward(first.forward(x)));
}

XrayResnet::XrayResnet(const ModelSettings& settings)
    : initializer_{settings.seed, settings.device},
      conv1_(initializer_, settings.channels, 32, unbiased(5, 2)),
      bn1_(settings.device, 32),
      layer1_(initializer_, 32, 32, 1),
      layer2_(initializer_, 32, 64, 2),
      layer3_(initializer_, 64, 128, 2),
      layer4_(initializer_, 128, 256, 2),
      drop_(initializer_, settings.dropout),
      fc_(initializer_, 256, settings.classes) {
  register_module("conv1", conv1_);
  register_module("bn1", bn1_);
  register_module("layer1", layer1_);
  register_module("layer2", layer2_);
  register_module("layer3", layer3_);
  register_module("layer4", layer4_);
  register_module("drop", drop_);
  register_module("fc", fc_);
}

Tensor XrayResnet::forward(const Tensor& x) {
  const Tensor stem = bn1_.forward_relu(conv1_.forward(x), true);
  const Tensor features = layer4_.forward(layer3_.forward(layer2_.forward(layer1_.forward(stem))));
  return observed(fc_.forward(drop_.forward(engine::global_avg_pool2d(features))));
}

}  // namespace xr::model
