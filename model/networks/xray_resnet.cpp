#include "model/networks/xray_resnet.h"

#include <memory>

#include "engine/ops/add.h"
#include "engine/ops/relu.h"
#include "model/layers/batch_norm2d.h"
#include "model/layers/conv2d.h"
#include "model/layers/dropout.h"
#include "model/layers/global_avg_pool2d.h"
#include "model/layers/linear.h"

namespace xr::model {

namespace {

Conv2dOptions unbiased(std::int64_t kernel, std::int64_t stride) {
  return {.kernel = kernel, .stride = stride, .padding = kernel / 2, .bias = false, .kaiming_normal = true};
}

class BasicBlock final : public Module {
 public:
  BasicBlock(Initializer& initializer, std::int64_t in, std::int64_t out, std::int64_t stride)
      : conv1_(initializer, in, out, unbiased(3, stride)),
        bn1_(initializer, out, {.relu = true}),
        conv2_(initializer, out, out, unbiased(3, 1)),
        bn2_(initializer, out) {
    register_module("conv1", conv1_);
    register_module("bn1", bn1_);
    register_module("conv2", conv2_);
    register_module("bn2", bn2_);
    if (stride == 1 && in == out) return;
    downsample_ = std::make_unique<Sequential>();
    downsample_->add<Conv2d>("0", initializer, in, out, unbiased(1, stride));
    downsample_->add<BatchNorm2d>("1", initializer, out);
    register_module("downsample", *downsample_);
  }

  [[nodiscard]] Shape output_shape(const Shape& x) const override {
    return bn2_.output_shape(conv2_.output_shape(bn1_.output_shape(conv1_.output_shape(x))));
  }

 private:
  [[nodiscard]] Tensor forward(const Tensor& x) override {
    const Tensor branch = bn2_(conv2_(bn1_(conv1_(x))));
    return engine::relu(engine::add(branch, downsample_ ? (*downsample_)(x) : x));
  }

  Conv2d conv1_;
  BatchNorm2d bn1_;
  Conv2d conv2_;
  BatchNorm2d bn2_;
  std::unique_ptr<Sequential> downsample_;
};

void add_stage(XrayResnet& network, const std::string& name, Initializer& initializer, std::int64_t in,
               std::int64_t out, std::int64_t stride) {
  auto& stage = network.add<Sequential>(name);
  stage.add<BasicBlock>("0", initializer, in, out, stride);
  stage.add<BasicBlock>("1", initializer, out, out, 1);
}

}  // namespace

XrayResnet::XrayResnet(const ModelSettings& settings, Initializer initializer) {
  add<Conv2d>("conv1", initializer, settings.channels, 32, unbiased(5, 2));
  add<BatchNorm2d>("bn1", initializer, 32, BatchNorm2dOptions{.relu = true, .max_pool = true});
  add_stage(*this, "layer1", initializer, 32, 32, 1);
  add_stage(*this, "layer2", initializer, 32, 64, 2);
  add_stage(*this, "layer3", initializer, 64, 128, 2);
  add_stage(*this, "layer4", initializer, 128, 256, 2);
  add<GlobalAvgPool2d>("avgpool");
  add<Dropout>("drop", initializer, settings.dropout);
  add<Linear>("fc", initializer, 256, settings.classes);
}

}  // namespace xr::model
