#include "model/explain/grad_cam.h"

#include "engine/core/autograd.h"
#include "engine/ops/global_avg_pool2d.h"
#include "engine/ops/relu.h"
#include "model/explain/occlusion.h"
#include "model/layers/conv2d.h"
#include "model/layers/linear.h"
#include "model/model.h"
#include "tests/engine/support.h"

using namespace xr;
using namespace xr::model::explain;
using engine::Tensor;
using engine::test::error_of;
using engine::test::random_tensor;

namespace {

// conv (2 channels, 3x3, padding 1), ReLU, mean over the image, linear.
class TinyNetwork final : public model::Module {
 public:
  TinyNetwork() : conv_(initializer_, 1, 2, {.kernel = 3, .padding = 1}), fc_(initializer_, 2, 3) {
    register_module("conv", conv_);
    register_module("unused", unused_);
    register_module("fc", fc_);
  }
  engine::Shape output_shape(const engine::Shape& x) const override { return {x[0], 3}; }

 private:
  Tensor forward(const Tensor& x) override { return fc_(engine::global_avg_pool2d(engine::relu(conv_(x)))); }
  model::Initializer initializer_{5, {}};
  model::Conv2d conv_;
  model::Linear fc_, unused_{initializer_, 1, 1};
};

std::vector<float> state_of(const model::Module& network, const std::string& name) {
  for (const engine::NamedTensor& entry : network.state())
    if (entry.name == name) return entry.tensor.to_host();
  FAIL("no " << name);
  return {};
}

// Grad-CAM of the tiny network by its formula, in double precision, from the weights: the gradient of logit c
// with respect to A[k][i] is fc.weight[c][k] / area where A > 0.
std::vector<double> expected_map(const TinyNetwork& network, const std::vector<float>& image, int size,
                                 int c) {
  const std::vector<float> weight = state_of(network, "conv.weight"), bias = state_of(network, "conv.bias"),
                           fc = state_of(network, "fc.weight");
  const int area = size * size;
  std::vector<double> map(static_cast<std::size_t>(area), 0.0);
  for (int k = 0; k < 2; ++k) {
    std::vector<double> a(static_cast<std::size_t>(area));
    double alpha = 0.0;
    for (int y = 0; y < size; ++y) {
      for (int x = 0; x < size; ++x) {
        double sum = bias[k];
        for (int dy = -1; dy <= 1; ++dy)
          for (int dx = -1; dx <= 1; ++dx)
            if (y + dy >= 0 && y + dy < size && x + dx >= 0 && x + dx < size)
              sum += static_cast<double>(weight[k * 9 + (dy + 1) * 3 + dx + 1]) *
                     image[(y + dy) * size + x + dx];
        a[y * size + x] = sum;
        if (sum > 0.0) alpha += static_cast<double>(fc[c * 2 + k]) / area / area;
      }
    }
    for (int i = 0; i < area; ++i) map[i] += alpha * a[i];
  }
  for (double& value : map) value = std::max(value, 0.0);
  return map;
}

std::unique_ptr<model::Module> small_resnet(std::uint64_t seed) {
  model::ModelSettings settings;
  settings.image_size = 32;
  settings.seed = seed;
  return model::make_model(settings);
}

}  // namespace

TEST_CASE("Grad-CAM is what its formula gives in double precision", "[explain]") {
  TinyNetwork network;
  constexpr int size = 7;
  const Tensor images = random_tensor({3, 1, size, size}, 1);
  const std::vector<float> pixels = images.to_host();
  const std::vector<std::int64_t> classes{0, 2, 1};
  const std::vector<Map> maps = grad_cam(network, images, classes, "conv");
  REQUIRE(maps.size() == 3);
  double mass = 0.0;
  for (std::size_t n = 0; n < 3; ++n) {
    const std::vector<float> image(pixels.begin() + n * size * size, pixels.begin() + (n + 1) * size * size);
    const std::vector<double> expected = expected_map(network, image, size, static_cast<int>(classes[n]));
    REQUIRE(maps[n].values.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      CHECK(std::abs(maps[n].values[i] - expected[i]) <= 1e-6);
      mass += expected[i];
    }
  }
  CHECK(mass > 1e-3);  // not all cut off at 0
}

TEST_CASE("Grad-CAM leaves the network as it was", "[explain]") {
  TinyNetwork network;
  const Tensor images = random_tensor({1, 1, 8, 8}, 2);
  const std::vector<float> before = network(images).to_host();
  (void)grad_cam(network, images, std::vector<std::int64_t>{0}, "conv");
  for (const engine::NamedTensor& parameter : network.parameters()) {
    CHECK(parameter.tensor.requires_grad());
    CHECK_FALSE(parameter.tensor.grad().defined());
  }
  const Tensor logits = network(images);
  CHECK(logits.to_host() == before);
  CHECK(logits.requires_grad());
}

// Adding e to channel k of a layer's output changes the logit by e times the sum of dy/dA_k.
TEST_CASE("channel weights agree with differences through the residual network", "[explain]") {
  const auto network = small_resnet(3);
  const Tensor images = random_tensor({2, 1, 32, 32}, 3);
  const std::vector<std::int64_t> classes{1, 0};
  for (const char* layer : {"layer1.1.conv2", "layer1"}) {
    CAPTURE(layer);
    const std::vector<Map> maps = grad_cam(*network, images, classes, layer);
    std::vector<float> output;
    engine::Shape shape;
    float shift = 0.0f;
    std::int64_t channel = 0;
    model::Module* module = network->find(layer);
    REQUIRE(module != nullptr);
    module->observe([&](const Tensor& x) {
      shape = x.shape();
      output = x.to_host();
      std::vector<float> shifted = output;
      const std::int64_t area = x.dim(2) * x.dim(3);
      for (std::int64_t n = 0; n < x.dim(0); ++n)
        for (std::int64_t i = 0; i < area; ++i) shifted[(n * x.dim(1) + channel) * area + i] += shift;
      return Tensor::from_host(std::span<const float>(shifted), shape);
    });
    const auto logits = [&](float by) {
      shift = by;
      return (*network)(images).to_host();
    };
    (void)logits(0.0f);
    const auto channels = static_cast<std::size_t>(shape[1]);
    const auto area = static_cast<std::size_t>(shape[2] * shape[3]);
    std::vector<std::vector<double>> expected(2, std::vector<double>(area, 0.0));
    constexpr float step = 2e-3f;  // small: ReLU has corners
    const std::vector<float> whole = output;
    for (std::size_t k = 0; k < channels; ++k) {
      channel = static_cast<std::int64_t>(k);
      const std::vector<float> above = logits(step), below = logits(-step);
      for (std::size_t n = 0; n < 2; ++n) {
        const std::size_t logit = n * 2 + static_cast<std::size_t>(classes[n]);
        const double alpha =
            (static_cast<double>(above[logit]) - below[logit]) / (2.0 * step * static_cast<double>(area));
        for (std::size_t i = 0; i < area; ++i) expected[n][i] += alpha * whole[(n * channels + k) * area + i];
      }
    }
    for (std::size_t n = 0; n < 2; ++n) {
      double difference = 0.0, size = 0.0;
      for (std::size_t i = 0; i < area; ++i) {
        difference += std::pow(std::max(0.0, expected[n][i]) - maps[n].values[i], 2);
        size += std::pow(expected[n][i], 2);
      }
      CHECK(size > 0.0);
      CHECK(std::sqrt(difference / size) <= 0.05);
    }
    module->observe({});
  }
}

// J. Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018: a map that stays the same when the
// weights are random says nothing of what the network learnt.
TEST_CASE("random weights give another map", "[explain]") {
  const auto first = small_resnet(1), second = small_resnet(2);
  const Tensor images = random_tensor({4, 1, 32, 32}, 4);
  const std::vector<std::int64_t> classes{0, 0, 1, 1};
  const std::vector<Map> a = grad_cam(*first, images, classes, "layer2"),
                         again = grad_cam(*first, images, classes, "layer2"),
                         b = grad_cam(*second, images, classes, "layer2");
  double mean = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].values == again[i].values);
    mean += correlation(a[i], b[i]).value_or(0.0) / 4.0;
  }
  CHECK(std::abs(mean) <= 0.5);
}

TEST_CASE("Grad-CAM says which layers there are", "[explain]") {
  const auto network = small_resnet(1);
  const engine::Shape image{1, 1, 32, 32};
  CHECK(convolution_layers(*network).size() == 1 + 4 * 4 + 3);
  CHECK(convolution_layers(*network).back() == "layer4.1.conv2");
  CHECK(last_feature_layer(*network, image, {}) == "layer4");
  model::ModelSettings settings;
  settings.name = "report_cnn";
  settings.image_size = 16;
  CHECK(last_feature_layer(*model::make_model(settings), {1, 1, 16, 16}, {}) == "layer2");
  const Tensor x = random_tensor(image, 1);
  const std::vector<std::int64_t> classes{0};
  CHECK_THAT(error_of([&] { (void)grad_cam(*network, x, classes, "layer9"); }),
             Catch::Contains("no layer 'layer9'") && Catch::Contains("layer4.1.conv2"));
  CHECK_THAT(error_of([&] { (void)grad_cam(*network, x, classes, "fc"); }),
             Catch::Contains("without positions"));
  CHECK_THAT(error_of([&] { (void)grad_cam(*network, x, std::vector<std::int64_t>{2}, "layer4"); }),
             Catch::Contains("class 2"));
  CHECK_THAT(error_of([&] {
               (void)grad_cam(*network, x, std::vector<std::int64_t>{0, 1}, "layer4");
             }),
             Catch::Contains("2 classes were given for 1 images"));
  TinyNetwork tiny;
  CHECK_THAT(error_of([&] {
               (void)grad_cam(tiny, random_tensor({1, 1, 8, 8}, 1), classes, "unused");
             }),
             Catch::Contains("takes no part"));
  CHECK(network->parameters().front().tensor.requires_grad());  // after errors too
}

// The network that looks at one place alone: a filter for bright pixels, and a class that goes by their mean.
TEST_CASE("Grad-CAM and occlusion find the one region that matters", "[explain]") {
  TinyNetwork network;
  for (engine::NamedTensor& entry : network.parameters()) {
    std::vector<float> values(static_cast<std::size_t>(entry.tensor.numel()), 0.0f);
    if (entry.name == "conv.weight") values[4] = 1.0f;  // channel 0: the pixel itself
    if (entry.name == "conv.bias") values[0] = -0.5f;   // if brighter than 1/2
    if (entry.name == "fc.weight") values[2 * 1] = 50.0f;
    entry.tensor.copy_from_host(values);
  }
  constexpr int size = 24;
  std::vector<float> image(size * size, 0.2f);
  for (int y = 4; y < 8; ++y)
    for (int x = 14; x < 18; ++x) image[y * size + x] = 1.0f;
  const Tensor x = Tensor::from_host(std::span<const float>(image), {1, 1, size, size});
  const Map cam = grad_cam(network, x, std::vector<std::int64_t>{1}, "conv").front();
  const Map occlusion = occlusion_map(network, image, 1, size, 1, {}, {4, 2, 7});
  REQUIRE(occlusion.values.size() == cam.values.size());
  for (int row = 0; row < size; ++row) {
    for (int column = 0; column < size; ++column) {
      const bool bright = row >= 4 && row < 8 && column >= 14 && column < 18;
      CHECK((cam.at(row, column) > 0.0f) == bright);
      if (bright) CHECK(occlusion.at(row, column) > 0.0f);
      const bool far = row < 1 || row >= 11 || column < 11 || column >= 21;
      if (far) CHECK(std::abs(occlusion.at(row, column)) <= 1e-5f);
    }
  }
  const auto agreement = correlation(normalized(cam), normalized(occlusion));
  REQUIRE(agreement.has_value());
  CHECK(*agreement >= 0.8);
  CHECK(occlusion_map(network, image, 1, size, 1, {}, {4, 2, 100}).values ==
        occlusion.values);  // any batch size
}
