// Networks whose batch norms are part of their convolutions against what they were before.
#include "model/fold_batch_norms.h"

#include <algorithm>
#include <cmath>

#include "engine/core/autograd.h"
#include "engine/ops/add.h"
#include "model/layers/batch_norm2d.h"
#include "model/layers/conv2d.h"
#include "model/model.h"
#include "model/sequential.h"
#include "tests/engine/support.h"
#include "tests/model/hashed_state.h"

using namespace xr;
using namespace xr::model;
using Catch::Matchers::Contains;
using engine::test::error_of;

namespace {

constexpr std::int64_t batch = 2, side = 64;

std::unique_ptr<Module> make(const std::string& name) {
  ModelSettings settings;
  settings.name = name;
  settings.image_size = side;
  return make_model(settings);
}

Tensor images(std::int64_t channels) {
  return Tensor::from_host(
      std::span<const float>(test::hashed("images", batch * channels * side * side, 1.0)),
      {batch, channels, side, side});
}

std::vector<float> logits_of(Module& network, const Tensor& x) {
  const engine::NoGradGuard no_grad;
  network.set_training(false);
  return network(x).to_host();
}

double largest(const std::vector<float>& values) {
  double result = 0;
  for (const float value : values) result = std::max(result, std::abs(static_cast<double>(value)));
  return result;
}

/// The others follow a concatenation, a pooling or (the last of darkcovidnet) a ReLU.
struct FoldedCase {
  const char* name;
  int folded, norms;
};

}  // namespace

TEST_CASE("networks compute the same with their batch norms folded, and keep their parameters") {
  const FoldedCase c = GENERATE(FoldedCase{"xray_resnet", 20, 20}, FoldedCase{"resnet18", 20, 20},
                                FoldedCase{"resnet50", 53, 53}, FoldedCase{"densenet121", 59, 121},
                                FoldedCase{"efficientnet_lite0", 49, 49}, FoldedCase{"darkcovidnet", 16, 17},
                                FoldedCase{"report_cnn", 2, 2});
  CAPTURE(c.name);
  const auto network = make(c.name);
  test::set_hashed_state(*network);
  const Tensor x = images(1);
  const std::vector<float> before = logits_of(*network, x);
  std::vector<std::vector<float>> parameters;
  for (const NamedTensor& parameter : network->parameters()) parameters.push_back(parameter.tensor.to_host());
  const auto modules = network->modules();
  CHECK(std::ranges::count_if(modules, [](const NamedModule& m) {
          return dynamic_cast<const BatchNorm2d*>(m.module) != nullptr;
        }) == c.norms);

  CHECK(fold_batch_norms(*network, {1, side, side}) == c.folded);
  const std::vector<float> after = logits_of(*network, x);
  REQUIRE(after.size() == before.size());
  for (std::size_t i = 0; i < after.size(); ++i)
    CHECK(std::abs(after[i] - before[i]) <= 1e-5 * largest(before));
  if (c.folded > 0) CHECK(after != before);
  std::size_t i = 0;
  for (const NamedTensor& parameter : network->parameters())
    CHECK(parameter.tensor.to_host() == parameters[i++]);
}

TEST_CASE("folded networks are evaluated only, and folded once") {
  const auto network = make("xray_resnet");
  fold_batch_norms(*network, {1, side, side});
  CHECK_THAT(error_of([&] { fold_batch_norms(*network, {1, side, side}); }), Contains("gradient"));
  network->set_training(true);
  CHECK_THAT(error_of([&] { (void)(*network)(images(1)); }), Contains("cannot be trained"));
}

TEST_CASE("a folded convolution that pools is evaluated only") {
  Initializer initializer;
  Sequential network;
  network.add<Conv2d>("conv", initializer, 1, 16, Conv2dOptions{.padding = 1});
  network.add<BatchNorm2d>("norm", initializer, 16, BatchNorm2dOptions{.relu = true, .max_pool = true});
  CHECK(fold_batch_norms(network, {1, side, side}) == 1);
  network.set_training(true);
  CHECK_THAT(error_of([&] { (void)network(images(1)); }), Contains("cannot be trained"));
  Conv2d unscaled(initializer, 1, 16, {});
  CHECK_THAT(error_of([&] { unscaled.append_max_pool(); }), Contains("ReLU"));
}

TEST_CASE("a convolution whose result is read twice keeps its batch norm") {
  // The sum of what a convolution made and of its batch norm.
  class Both final : public Module {
   public:
    explicit Both(Initializer& initializer)
        : conv_(initializer, 1, 4, {.padding = 1}), norm_(initializer, 4) {
      register_module("conv", conv_);
      register_module("norm", norm_);
    }
    [[nodiscard]] Shape output_shape(const Shape& x) const override { return conv_.output_shape(x); }

   private:
    [[nodiscard]] Tensor forward(const Tensor& x) override {
      const Tensor y = conv_(x);
      return engine::add(y, norm_(y));
    }
    Conv2d conv_;
    BatchNorm2d norm_;
  };
  Initializer initializer;
  Both network(initializer);
  const std::vector<float> before = logits_of(network, images(1));
  CHECK(fold_batch_norms(network, {1, side, side}) == 0);
  CHECK(logits_of(network, images(1)) == before);
}
