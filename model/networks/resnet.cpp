#include "model/networks/resnet.h"

#include "model/layers/dropout.h"
#include "model/layers/global_avg_pool2d.h"
#include "model/layers/linear.h"
#include "model/layers/max_pool2d.h"
#include "model/networks/residual_blocks.h"

namespace xr::model {

Resnet::Resnet(const ModelSettings& settings, Initializer initializer, const ResnetDepth& depth) {
  constexpr std::int64_t first_width = 64;
  add<Conv2d>("conv1", initializer, settings.channels, first_width, residual_convolution(7, 2));
  add<BatchNorm2d>("bn1", initializer, first_width, BatchNorm2dOptions{.relu = true});
  add<MaxPool2d>("maxpool", 3, 2, 1);
  std::int64_t channels = first_width, width = first_width, stride = 1;
  for (std::size_t stage = 0; stage < depth.blocks.size(); ++stage) {
    const std::string name = "layer" + std::to_string(stage + 1);
    const auto add_blocks = depth.bottlenecks ? add_stage<Bottleneck> : add_stage<BasicBlock>;
    channels = add_blocks(*this, name, initializer, channels, width, stride, depth.blocks[stage]);
    width *= 2;
    stride = 2;
  }
  add<GlobalAvgPool2d>("avgpool");
  add<Dropout>("drop", initializer, settings.dropout);
  add<Linear>("fc", initializer, channels, settings.classes);
}

}  // namespace xr::model
