#include "tests/ops/benchmark.h"

#include <fmt/core.h>

#include <algorithm>

#include "kernels/common/error_codes.h"
#include "model/model.h"
#include "tests/ops/operation.h"

namespace xr::tests {

std::string BenchmarkSetting::to_string() const {
  return fmt::format("batch {}, {}x{}x{}, padding {}", batch, channels, size, size, padding);
}

namespace {

Conv2dLayer convolution(std::string name, const Shape& x, std::int64_t out, std::int64_t kernel,
                        std::int64_t stride, std::int64_t padding) {
  Conv2dLayer layer;
  layer.name = std::move(name);
  layer.x = x;
  layer.filter = {out, x[1], kernel, kernel};
  layer.params.stride_h = layer.params.stride_w = stride;
  layer.params.padding_h = layer.params.padding_w = padding;
  return layer;
}

/// Of efficientnet_lite0, a depthwise convolution each of 3x3 and 5x5 taps, with stride 1 and 2.
void add_depthwise(NetworkLayers& layers, const BenchmarkSetting& s) {
  const auto add = [&](const char* name, std::int64_t channels, std::int64_t extent, std::int64_t kernel,
                       std::int64_t stride) {
    extent = std::max(extent, kernel);
    layers.convolutions.push_back(convolution(fmt::format("efficientnet_lite0.{}", name),
                                              {s.batch, channels, extent, extent}, channels, kernel, stride,
                                              kernel / 2));
    layers.convolutions.back().filter[1] = 1;
    layers.convolutions.back().params.groups = channels;
    layers.convolutions.back().bias = false;
  };
  add("block0", 32, s.size / 2, 3, 1);
  add("block1", 96, s.size / 2, 3, 2);
  add("block3", 144, s.size / 4, 5, 2);
  add("block11", 672, s.size / 16, 5, 1);
}

/// No bias: batch norm follows. No gradient of the images.
void add_xray_resnet(NetworkLayers& layers, const BenchmarkSetting& s) {
  const auto add = [&](const char* name, std::int64_t in, std::int64_t out, std::int64_t extent,
                       std::int64_t kernel, std::int64_t stride) {
    layers.convolutions.push_back(convolution(
        fmt::format("xray_resnet.{}", name), {s.batch, in, extent, extent}, out, kernel, stride, kernel / 2));
    layers.convolutions.back().bias = false;
    layers.convolutions.back().input_gradient = in != s.channels;
  };
  const std::int64_t first = s.size / 4;  // behind the stem and its pooling
  add("stem", s.channels, 32, s.size, 5, 2);
  add("layer1", 32, 32, first, 3, 1);
  add("layer2_first", 32, 64, first, 3, 2);
  add("layer2_shortcut", 32, 64, first, 1, 2);
  add("layer4", 256, 256, std::max<std::int64_t>(1, first / 8), 3, 1);
}

/// The stem that torchvision's ResNets and DenseNets have. Smaller images leave its kernels little but edges.
void add_resnet18(NetworkLayers& layers, const BenchmarkSetting& s) {
  if (s.size < 64) return;
  layers.convolutions.push_back(
      convolution("resnet18.stem", {s.batch, s.channels, s.size, s.size}, 64, 7, 2, 3));
  layers.convolutions.back().bias = false;
  layers.convolutions.back().input_gradient = false;
}

}  // namespace

NetworkLayers::NetworkLayers(const BenchmarkSetting& s) {
  XR_CHECK(s.batch >= 1 && s.channels >= 1 && s.padding >= 0,
           "a batch of {} images with {} channels and padding {}: batch and channels must be at least 1",
           s.batch, s.channels, s.padding);
  const model::ModelSettings settings{.name = "report_cnn",
                                      .channels = s.channels,
                                      .image_size = s.size,
                                      .classes = classes,
                                      .padding = s.padding,
                                      .device = {}};
  const std::int64_t min_size = model::min_image_size(settings);
  XR_CHECK_CODE(s.size >= min_size, error_code::image_too_small,
                "images of {} x {} are too small for the network: it takes {} x {} and more", s.size, s.size,
                min_size, min_size);
  const auto network = model::make_model_shapes(settings);
  const auto after = [&](const char* layer, const Shape& x) { return network->find(layer)->output_shape(x); };
  const Shape images{s.batch, s.channels, s.size, s.size};
  const Shape conv1 = after("layer1.0", images), pool1 = after("layer1.1", conv1);
  const Shape conv2 = after("layer2.0", pool1), flat = after("flatten", after("layer2.1", conv2));
  const Shape fc1 = after("fc1", flat), fc2 = after("fc2", fc1);
  convolutions = {convolution("report_cnn.conv1", images, conv1[1], 3, 1, s.padding),
                  convolution("report_cnn.conv2", pool1, conv2[1], 3, 1, 0)};
  convolutions[0].input_gradient = false;
  norms = {{"report_cnn.norm1", conv1}, {"report_cnn.norm2", conv2}};
  linears = {{"report_cnn.fc1", flat[1], fc1[1]},
             {"report_cnn.fc2", fc1[1], fc2[1]},
             {"report_cnn.fc3", fc2[1], classes}};
  features = pool1;
  hidden = fc1[1];
  parameters = network->parameter_count();
  add_xray_resnet(*this, s);
  add_depthwise(*this, s);
  add_resnet18(*this, s);
}

std::vector<Benchmark> benchmarks_of(const BenchmarkSetting& setting, const Backend& backend) {
  Benchmarks benchmarks(setting, backend);
  for (const Operation& operation : operations()) {
    benchmarks.operation = operation.name;
    if (operation.benchmarks) operation.benchmarks(benchmarks);
  }
  return benchmarks.take();
}

}  // namespace xr::tests
