#include "model/initial_weights.h"

#include <cmath>

#include "engine/io/safetensors.h"
#include "kernels/common/error_codes.h"
#include "model/layers/batch_norm2d.h"
#include "model/sequential.h"
#include "tests/engine/support.h"

using namespace xr;
using namespace xr::model;
using namespace xr::engine::test;

namespace {

using engine::Metadata;
using engine::save_safetensors;

ModelSettings settings_of(std::int64_t classes, std::int64_t channels = 1, std::uint64_t seed = 1) {
  ModelSettings settings;
  settings.image_size = 32;
  settings.classes = classes;
  settings.channels = channels;
  settings.seed = seed;
  return settings;
}

/// The state of another network of these settings under other names.
std::vector<NamedTensor> other_state(const ModelSettings& settings, const std::string& prefix = "") {
  std::vector<NamedTensor> state;
  for (const NamedTensor& tensor : make_model(settings)->state())
    state.push_back({prefix + tensor.name, tensor.tensor.dtype() == engine::DType::i64
                                               ? Tensor::from_host(std::vector<std::int64_t>{7}, {})
                                               : tensor.tensor.detach().clone()});
  return state;
}

class Weights {
 public:
  explicit Weights(const std::vector<NamedTensor>& tensors) {
    save_safetensors(folder_ / "w.safetensors", tensors, Metadata{});
    file_ = engine::open_weights(folder_ / "w.safetensors");
  }
  const engine::WeightsFile& file() const { return *file_; }

 private:
  TemporaryFolder folder_;
  std::unique_ptr<engine::WeightsFile> file_;
};

const FittedTensor& tensor_of(const WeightPlan& plan, const std::string& name) {
  const auto found = std::ranges::find(plan.tensors, name, &FittedTensor::name);
  REQUIRE(found != plan.tensors.end());
  return *found;
}

Tensor tensor_of(const std::vector<NamedTensor>& state, const std::string& name) {
  const auto found = std::ranges::find(state, name, &NamedTensor::name);
  REQUIRE(found != state.end());
  return found->tensor;
}

}  // namespace

TEST_CASE("initial weights: a file of the same network is loaded whole") {
  const ModelSettings settings = settings_of(2);
  const auto network = make_model(settings);
  const std::vector<NamedTensor> other = other_state(settings_of(2, 1, 9));
  const Weights weights(other);
  const WeightPlan plan = plan_initial_weights(*network, settings, weights.file());
  CHECK(plan.share() == 1.0);
  CHECK(plan.with(WeightFit::loaded).size() == network->state().size());
  CHECK(plan.unused.empty());
  CHECK(plan.prefixes.empty());
  load_initial_weights(plan, weights.file(), *network);
  for (const NamedTensor& tensor : other) {
    CAPTURE(tensor.name);
    CHECK(same_bytes(tensor_of(network->state(), tensor.name), tensor.tensor));
  }
}

TEST_CASE("initial weights: the head stays at random where its shape differs, prefixes are stripped") {
  const ModelSettings settings = settings_of(2);
  const auto network = make_model(settings);
  const std::vector<NamedTensor> before = other_state(settings);
  std::vector<NamedTensor> other = other_state(settings_of(1000, 1, 9), "module._orig_mod.backbone.");
  other.push_back({"projector.weight", Tensor::zeros({3})});
  const Weights weights(other);
  const WeightPlan plan = plan_initial_weights(*network, settings, weights.file());
  CHECK(plan.share() == 1.0);
  CHECK(plan.unused == std::vector<std::string>{"projector.weight"});
  CHECK(plan.prefixes.size() == 3);
  CHECK(plan.prefixes.at("module.") == static_cast<int>(network->state().size()));
  const std::vector<const FittedTensor*> random = plan.with(WeightFit::random);
  REQUIRE(random.size() == 2);
  CHECK(random[0]->name == "fc.weight");
  CHECK(random[0]->in_head);
  CHECK(random[0]->source_shape == Shape{1000, 256});
  CHECK(random[1]->name == "fc.bias");
  load_initial_weights(plan, weights.file(), *network);
  CHECK(same_bytes(tensor_of(network->state(), "fc.weight"), tensor_of(before, "fc.weight")));
  CHECK(same_bytes(tensor_of(network->state(), "layer4.1.conv2.weight"),
                   tensor_of(other, "module._orig_mod.backbone.layer4.1.conv2.weight")));
  CHECK(tensor_of(network->state(), "bn1.num_batches_tracked").to_host_i64() == std::vector<std::int64_t>{7});
}

TEST_CASE("initial weights: three channels are summed to one, and one is spread over three") {
  for (const std::int64_t channels : {1, 3}) {
    const ModelSettings settings = settings_of(2, channels);
    const auto network = make_model(settings);
    const std::vector<NamedTensor> other = other_state(settings_of(2, 4 - channels, 9));
    const Weights weights(other);
    const WeightPlan plan = plan_initial_weights(*network, settings, weights.file());
    CHECK(plan.share() == 1.0);
    CHECK(tensor_of(plan, "conv1.weight").fit ==
          (channels == 1 ? WeightFit::channels_summed : WeightFit::channels_repeated));
    load_initial_weights(plan, weights.file(), *network);
    const std::vector<float> to = tensor_of(network->state(), "conv1.weight").to_host(),
                             from = tensor_of(other, "conv1.weight").to_host();
    // A grey image in every channel has the same result.
    float greatest = 0;
    for (std::size_t o = 0; o < 32; ++o)
      for (std::size_t i = 0; i < 25; ++i) {
        const auto sum = [&](const std::vector<float>& values, std::size_t count) {
          float result = 0;
          for (std::size_t c = 0; c < count; ++c) result += values[(o * count + c) * 25 + i];
          return result;
        };
        greatest = std::max(greatest, std::abs(sum(to, static_cast<std::size_t>(channels)) -
                                               sum(from, static_cast<std::size_t>(4 - channels))));
      }
    CHECK(greatest <= 1e-6f);
  }
}

TEST_CASE("initial weights: the share of the backbone is of parameters, without the head") {
  const ModelSettings settings = settings_of(2);
  const auto network = make_model(settings);
  std::vector<NamedTensor> other = other_state(settings_of(2, 1, 9));
  std::erase_if(other, [](const NamedTensor& tensor) {
    return tensor.name.starts_with("layer4.0") || tensor.name.ends_with("num_batches_tracked");
  });
  const Weights weights(other);
  const WeightPlan plan = plan_initial_weights(*network, settings, weights.file());
  std::int64_t missing = 0, all = 0;
  for (const NamedShape& parameter : parameter_shapes(settings)) {
    if (parameter.name.starts_with("fc.")) continue;
    all += parameter.shape.numel();
    if (parameter.name.starts_with("layer4.0")) missing += parameter.shape.numel();
  }
  CHECK(plan.backbone == all);
  CHECK(plan.fitted == all - missing);
  CHECK(plan.share() < min_backbone_share);
}

TEST_CASE("initial weights: the nearest of the known networks is found") {
  ModelSettings other = settings_of(5, 3, 9);
  other.name = "report_cnn";
  const Weights weights(other_state(other, "net."));
  const std::vector<NetworkMatch> matches = match_networks(settings_of(2), weights.file());
  REQUIRE(matches.size() == 2 * model_names().size());
  CHECK(matches.front().name == "report_cnn");
  CHECK(matches.front().share == 1.0);
  CHECK(matches.front().channels == 3);  // as in the file, though one channel can be made of them
  CHECK(matches[1].name == "report_cnn");
  CHECK(matches[1].adapted == 1);
  CHECK(matches.back().share < 0.5);
}

TEST_CASE("initial weights: two tensors for one, and numbers that are not finite, are refused") {
  const ModelSettings settings = settings_of(2);
  const auto network = make_model(settings);
  const auto code_of = [&](const std::vector<NamedTensor>& tensors) {
    const Weights weights(tensors);
    try {
      load_initial_weights(plan_initial_weights(*network, settings, weights.file()), weights.file(),
                           *network);
    } catch (const Error& error) {
      return std::string(error.code().name);
    }
    return std::string("none");
  };
  const Tensor bias = Tensor::zeros({2});
  CHECK(code_of({{"model.fc.bias", bias}, {"net.fc.bias", bias}}) == error_code::weights_unfit.name);
  CHECK(code_of({{"model.fc.bias", bias}, {"fc.bias", bias}}) == "none");  // the nearer name counts
  CHECK(code_of({{"bn1.bias", Tensor::zeros({32})}, {"fc.bias", values({0.0f, NAN}, {2})}}) ==
        error_code::weights_damaged.name);
  CHECK(code_of({{"fc.bias", Tensor::from_host(std::vector<std::int64_t>{1, 2}, {2})}}) == "none");
  CHECK(tensor_of(network->state(), "fc.bias").to_host() == std::vector<float>{0, 0});
}

TEST_CASE("initial weights: names that torchvision has given up are those of today") {
  Sequential network;
  network.add<Sequential>("denselayer1").add<BatchNorm2d>("norm1", Initializer{}, std::int64_t{2});
  const Weights weights({{"module.denselayer1.norm.1.weight", values({3.0f, 4.0f}, {2})}});
  const WeightPlan plan = plan_initial_weights(network, settings_of(2), weights.file());
  CHECK(plan.unused.empty());
  load_initial_weights(plan, weights.file(), network);
  CHECK(tensor_of(network.state(), "denselayer1.norm1.weight").to_host() == std::vector<float>{3, 4});
}
