#include "model/networks/darkcovidnet.h"

#include "model/layers/activation.h"
#include "model/layers/batch_norm2d.h"
#include "model/layers/conv2d.h"
#include "model/layers/dropout.h"
#include "model/layers/flatten.h"
#include "model/layers/linear.h"
#include "model/layers/max_pool2d.h"

namespace xr::model {

namespace {

/// Convolution, batch norm, leaky ReLU.
void add_block(Sequential& network, const std::string& name, Initializer& initializer, std::int64_t in,
               std::int64_t out, std::int64_t kernel = 3) {
  auto& block = network.add<Sequential>(name);
  block.add<Conv2d>("0", initializer, in, out, Conv2dOptions{.kernel = kernel, .padding = 1, .bias = false});
  block.add<BatchNorm2d>("1", initializer, out);
  block.add<Activation>("2", ActivationKind::leaky_relu, 0.1f);
}

/// 3x3, 1x1 back to the input's channels, 3x3.
void add_triple(Sequential& network, const std::string& name, Initializer& initializer, std::int64_t in,
                std::int64_t out) {
  auto& triple = network.add<Sequential>(name);
  add_block(triple, "0", initializer, in, out);
  add_block(triple, "1", initializer, out, in, 1);
  add_block(triple, "2", initializer, in, out);
}

}  // namespace

Darkcovidnet::Darkcovidnet(const ModelSettings& settings, Initializer initializer) {
  add_block(*this, "0", initializer, settings.channels, 8);
  add<MaxPool2d>("1", 2, 2);
  add_block(*this, "2", initializer, 8, 16);
  add<MaxPool2d>("3", 2, 2);
  add_triple(*this, "4", initializer, 16, 32);
  add<MaxPool2d>("5", 2, 2);
  add_triple(*this, "6", initializer, 32, 64);
  add<MaxPool2d>("7", 2, 2);
  add_triple(*this, "8", initializer, 64, 128);
  add<MaxPool2d>("9", 2, 2);
  add_triple(*this, "10", initializer, 128, 256);
  add_block(*this, "11", initializer, 256, 128, 1);
  add_block(*this, "12", initializer, 128, 256);
  auto& last = add<Sequential>("13");
  last.add<Conv2d>("0", initializer, 256, settings.classes,
                   Conv2dOptions{.padding = 1, .bias = false, .weights = ConvolutionWeights::fan_in});
  last.add<Activation>("1", ActivationKind::relu);
  last.add<BatchNorm2d>("2", initializer, settings.classes);
  add<Flatten>("14");
  add<Dropout>("drop", initializer, settings.dropout);
  const Shape features = output_shape({2, settings.channels, settings.image_size, settings.image_size});
  add<Linear>("15", initializer, features[1], settings.classes);
}

}  // namespace xr::model
