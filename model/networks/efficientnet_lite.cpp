#include "model/networks/efficientnet_lite.h"

#include <memory>

#include "engine/ops/add.h"
#include "model/layers/batch_norm2d.h"
#include "model/layers/conv2d.h"
#include "model/layers/dropout.h"
#include "model/layers/global_avg_pool2d.h"
#include "model/layers/linear.h"

namespace xr::model {

namespace {

Conv2dOptions same_convolution(std::int64_t kernel, std::int64_t stride = 1, std::int64_t groups = 1) {
  return {.kernel = kernel, .stride = stride, .groups = groups, .bias = false, .same_padding = true};
}

/// TensorFlow's defaults for this network: momentum 0.99 there is 0.01 here.
BatchNorm2dOptions norm(bool relu6) {
  return {.relu6 = relu6, .params = {.epsilon = 1e-3f, .momentum = 0.01f}};
}

struct BlockOptions {
  int count;
  std::int64_t kernel, stride, expansion, out;
};

/// 1x1 to `expansion` times the channels (none for 1), depthwise, 1x1; plus the input where the shapes agree.
class InvertedResidual final : public Module {
 public:
  InvertedResidual(Initializer& initializer, std::int64_t in, const BlockOptions& block)
      : adds_input_(block.stride == 1 && in == block.out) {
    const std::int64_t middle = in * block.expansion;
    if (block.expansion != 1) {
      expand_conv_ = std::make_unique<Conv2d>(initializer, in, middle, same_convolution(1));
      bn0_ = std::make_unique<BatchNorm2d>(initializer, middle, norm(true));
      register_module("_expand_conv", *expand_conv_);
      register_module("_bn0", *bn0_);
    }
    depthwise_conv_ = std::make_unique<Conv2d>(initializer, middle, middle,
                                               same_convolution(block.kernel, block.stride, middle));
    bn1_ = std::make_unique<BatchNorm2d>(initializer, middle, norm(true));
    project_conv_ = std::make_unique<Conv2d>(initializer, middle, block.out, same_convolution(1));
    bn2_ = std::make_unique<BatchNorm2d>(initializer, block.out, norm(false));
    register_module("_depthwise_conv", *depthwise_conv_);
    register_module("_bn1", *bn1_);
    register_module("_project_conv", *project_conv_);
    register_module("_bn2", *bn2_);
  }

  [[nodiscard]] Shape output_shape(const Shape& x) const override {
    const Shape expanded = expand_conv_ ? bn0_->output_shape(expand_conv_->output_shape(x)) : x;
    const Shape middle = bn1_->output_shape(depthwise_conv_->output_shape(expanded));
    return bn2_->output_shape(project_conv_->output_shape(middle));
  }

 private:
  [[nodiscard]] Tensor forward(const Tensor& x) override {
    const Tensor expanded = expand_conv_ ? (*bn0_)((*expand_conv_)(x)) : x;
    const Tensor middle = (*bn1_)((*depthwise_conv_)(expanded));
    const Tensor y = (*bn2_)((*project_conv_)(middle));
    return adds_input_ ? engine::add(y, x) : y;
  }

  bool adds_input_;
  std::unique_ptr<Conv2d> expand_conv_, depthwise_conv_, project_conv_;
  std::unique_ptr<BatchNorm2d> bn0_, bn1_, bn2_;
};

constexpr BlockOptions blocks[] = {{1, 3, 1, 1, 16},  {2, 3, 2, 6, 24},  {2, 5, 2, 6, 40}, {3, 3, 2, 6, 80},
                                   {3, 5, 1, 6, 112}, {4, 5, 2, 6, 192}, {1, 3, 1, 6, 320}};

}  // namespace

EfficientnetLite0::EfficientnetLite0(const ModelSettings& settings, Initializer initializer) {
  constexpr std::int64_t stem = 32, head = 1280;
  add<Conv2d>("_conv_stem", initializer, settings.channels, stem, same_convolution(3, 2));
  add<BatchNorm2d>("_bn0", initializer, stem, norm(true));
  auto& all = add<Sequential>("_blocks");
  std::int64_t channels = stem;
  int number = 0;
  for (BlockOptions block : blocks)
    for (int i = 0; i < block.count; ++i) {
      all.add<InvertedResidual>(std::to_string(number++), initializer, channels, block);
      channels = block.out;
      block.stride = 1;
    }
  add<Conv2d>("_conv_head", initializer, channels, head, same_convolution(1));
  add<BatchNorm2d>("_bn1", initializer, head, norm(true));
  add<GlobalAvgPool2d>("_avg_pooling");
  add<Dropout>("_dropout", initializer, settings.dropout);
  add<Linear>("_fc", initializer, head, settings.classes);
}

}  // namespace xr::model
