#include "model/networks/xray_resnet.h"

#include "model/layers/dropout.h"
#include "model/layers/global_avg_pool2d.h"
#include "model/layers/linear.h"
#include "model/networks/residual_blocks.h"

namespace xr::model {

XrayResnet::XrayResnet(const ModelSettings& settings, Initializer initializer) {
  add<Conv2d>("conv1", initializer, settings.channels, 32, residual_convolution(5, 2));
  add<BatchNorm2d>("bn1", initializer, 32, BatchNorm2dOptions{.relu = true, .max_pool = true});
  add_stage<BasicBlock>(*this, "layer1", initializer, 32, 32, 1, 2);
  add_stage<BasicBlock>(*this, "layer2", initializer, 32, 64, 2, 2);
  add_stage<BasicBlock>(*this, "layer3", initializer, 64, 128, 2, 2);
  add_stage<BasicBlock>(*this, "layer4", initializer, 128, 256, 2, 2);
  add<GlobalAvgPool2d>("avgpool");
  add<Dropout>("drop", initializer, settings.dropout);
  add<Linear>("fc", initializer, 256, settings.classes);
}

}  // namespace xr::model
