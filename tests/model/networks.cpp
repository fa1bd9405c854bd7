// The networks of torchvision and others against PyTorch's: state dict, logits and gradients from the same weights.
// The file, and what float32 can reach, are described in tests/golden/README.md.
#include <algorithm>
#include <cmath>

#include "engine/core/autograd.h"
#include "engine/ops/cast.h"
#include "engine/ops/mul.h"
#include "engine/ops/sum.h"
#include "model/model.h"
#include "tests/engine/golden.h"
#include "tests/model/hashed_state.h"

using namespace xr;
using namespace xr::model;
using namespace xr::engine;
using namespace xr::engine::test;
using namespace xr::model::test;

namespace {

struct NetworkCase {
  const char* name;
  /// Relative to the largest logit; of gradients to their norm. ReLUs near 0 that go the other way decide the
  /// gradients: PyTorch's own float32 run is off by half of this.
  double logits, gradients;
};

constexpr NetworkCase cases[] = {{"resnet18", 2e-5, 2e-2},     {"resnet34", 2e-5, 3e-2},
                                 {"resnet50", 1e-4, 6e-2},     {"densenet121", 2e-5, 8e-2},
                                 {"darkcovidnet", 2e-5, 1e-3}, {"efficientnet_lite0", 3e-5, 2e-2}};

double largest_error(const std::vector<float>& actual, const std::vector<float>& expected) {
  REQUIRE(actual.size() == expected.size());
  double largest = 0, error = 0;
  for (const float value : expected) largest = std::max(largest, std::abs(static_cast<double>(value)));
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double difference = std::abs(static_cast<double>(actual[i]) - static_cast<double>(expected[i]));
    if (!(difference <= error)) error = difference;  // keeps NaN
  }
  return error / largest;
}

/// Of each parameter the norm of its gradient, and its product with numbers that tell one element from another.
void check_gradients(const Module& network, const std::vector<float>& expected, double tolerance) {
  const std::vector<NamedTensor> parameters = network.parameters();
  REQUIRE(expected.size() == 2 * parameters.size());
  double largest_norm = 0;
  for (std::size_t i = 0; i < parameters.size(); ++i)
    largest_norm = std::max(largest_norm, static_cast<double>(expected[2 * i]));
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const std::vector<float> gradient = parameters[i].tensor.grad().to_host();
    const std::vector<float> weights = hashed("gradient", parameters[i].tensor.numel(), 1.0);
    double squares = 0, product = 0;
    for (std::size_t k = 0; k < gradient.size(); ++k) {
      squares += static_cast<double>(gradient[k]) * static_cast<double>(gradient[k]);
      product += static_cast<double>(gradient[k]) * static_cast<double>(weights[k]);
    }
    const double norm = static_cast<double>(expected[2 * i]),
                 margin = tolerance * (norm + 1e-3 * largest_norm);
    CAPTURE(parameters[i].name, norm);
    CHECK(std::abs(std::sqrt(squares) - norm) <= margin);
    CHECK(std::abs(product - static_cast<double>(expected[2 * i + 1])) <= margin);
  }
}

void check_network(const NetworkCase& test, const Device& device) {
  const GoldenFile golden("networks");
  const std::map<std::string, double> facts = golden.options(test.name);
  const auto fact = [&](const char* key) { return static_cast<std::int64_t>(facts.at(key)); };
  ModelSettings settings;
  settings.name = test.name;
  settings.channels = fact("channels");
  settings.classes = fact("classes");
  settings.image_size = golden.number("image_size");
  settings.dropout = 0;
  settings.device = device;
  const auto network = make_model(settings);
  CHECK(network->parameter_count() == fact("parameters"));
  set_hashed_state(*network);
  const Shape shape{golden.number("batch"), settings.channels, settings.image_size, settings.image_size};
  const Tensor images =
      Tensor::from_host(std::span<const float>(hashed("images", shape.numel(), 2.0)), shape, device);
  const std::string prefix = std::string(test.name) + ".";

  network->set_training(false);
  {
    const NoGradGuard guard;
    CHECK(largest_error((*network)(images).to_host(), golden[prefix + "eval_logits"].to_host()) <=
          test.logits);
  }
  network->set_training(true);
  const Tensor logits = (*network)(images);
  CHECK(largest_error(logits.to_host(), golden[prefix + "logits"].to_host()) <= test.logits);
  const Tensor upstream = Tensor::from_host(std::span<const float>(hashed("upstream", logits.numel(), 1.0)),
                                            logits.shape(), device);
  sum(mul(logits, upstream)).backward();
  check_gradients(*network, golden[prefix + "gradients"].to_host(), test.gradients);
}

/// Logits, gradients and running statistics of a training step of densenet121. With `observed` a layer of each block is, so
/// that its channels are concatenated.
std::vector<std::vector<float>> densenet_step(bool observed, std::int64_t image_size) {
  ModelSettings settings;
  settings.name = "densenet121";
  settings.image_size = image_size;
  settings.dropout = 0;
  const auto network = make_model(settings);
  int seen = 0;
  for (const char* layer : {"1.denselayer2", "2.denselayer1", "3.denselayer24", "4.denselayer3.norm2"})
    if (observed)
      network->find(std::string("features.denseblock") + layer)->observe([&seen](const Tensor& output) {
        ++seen;
        return output;
      });
  const Shape shape{3, 1, image_size, image_size};
  const Tensor images =
      Tensor::from_host(std::span<const float>(hashed("images", shape.numel(), 2.0)), shape);
  const Tensor logits = (*network)(images);
  sum(mul(logits, logits)).backward();
  CHECK(seen == (observed ? 4 : 0));
  std::vector<std::vector<float>> results{engine::cast(logits, kernels::DType::f32).to_host()};
  for (const NamedTensor& parameter : network->parameters())
    results.push_back(parameter.tensor.grad().to_host());
  for (const NamedTensor& tensor : network->state())
    if (tensor.tensor.dtype() == kernels::DType::f32) results.push_back(tensor.tensor.to_host());
  return results;
}

}  // namespace

TEST_CASE("densenet121's blocks give the same bytes with their channels in a stack and concatenated") {
  kernels::Backend& backend = kernels::backend({});
  for (const kernels::Precision precision : {kernels::Precision::fp32, kernels::Precision::bf16}) {
    if (!backend.has_precision(precision)) continue;
    backend.configure({.precision = precision});
    for (const std::int64_t image_size : {32, 64})
      CHECK(densenet_step(false, image_size) == densenet_step(true, image_size));
  }
  backend.configure({});
}

TEST_CASE("networks answer as PyTorch's from the same weights") {
  for (const NetworkCase& test : cases) {
    CAPTURE(test.name);
    check_network(test, {});
  }
}

TEST_CASE("darkcovidnet has its published number of parameters") {
  ModelSettings settings;
  settings.name = "darkcovidnet";
  settings.channels = 3;
  settings.image_size = 256;
  CHECK(parameter_count(settings) == 1'164'434);
}

TEST_CASE("networks of three channels and 1000 classes have the published numbers of parameters") {
  for (const auto& [name, parameters] : {std::pair{"resnet18", 11'689'512},
                                         {"resnet34", 21'797'672},
                                         {"resnet50", 25'557'032},
                                         {"densenet121", 7'978'856},
                                         {"efficientnet_lite0", 4'652'008}}) {
    CAPTURE(name);
    ModelSettings settings;
    settings.name = name;
    settings.channels = 3;
    settings.classes = 1000;
    CHECK(parameter_count(settings) == parameters);
  }
}
