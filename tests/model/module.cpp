#include "model/module.h"

#include <set>

#include "engine/ops/sum.h"
#include "model/features.h"
#include "model/layers/linear.h"
#include "model/model.h"
#include "model/sequential.h"
#include "tests/engine/support.h"

using namespace xr;
using namespace xr::model;
using namespace xr::engine::test;

namespace {

class Inner final : public Module {
 public:
  Inner() {
    register_parameter("weight", {2}, Tensor::zeros({2}));
    register_buffer("count", Tensor::zeros({1}));
  }
  Shape output_shape(const Shape& x) const override { return x; }

 private:
  Tensor forward(const Tensor& x) override { return x; }
};

class Outer final : public Module {
 public:
  Outer() {
    register_module("first", first);
    register_parameter("scale", {3}, Tensor::zeros({3}));
    register_module("1", second);
  }
  Shape output_shape(const Shape& x) const override { return x; }
  Inner first, second;

 private:
  Tensor forward(const Tensor& x) override { return second(first(x)); }
};

class Around final : public Module {
 public:
  explicit Around(Module& module) { register_module("inside", module); }
  Shape output_shape(const Shape& x) const override { return x; }

 private:
  Tensor forward(const Tensor& x) override { return x; }
};

std::vector<std::string> names_of(const std::vector<NamedTensor>& tensors) {
  std::vector<std::string> names;
  for (const NamedTensor& tensor : tensors) names.push_back(tensor.name);
  return names;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a module lists parameters and buffers with joined names") {
  const Outer outer;
  CHECK(names_of(outer.parameters()) == Names{"scale", "first.weight", "1.weight"});
  CHECK(names_of(outer.state()) == Names{"scale", "first.weight", "first.count", "1.weight", "1.count"});
  for (const NamedTensor& parameter : outer.parameters()) CHECK(parameter.tensor.requires_grad());
  CHECK_FALSE(outer.state()[2].tensor.requires_grad());
}

TEST_CASE("training mode and step reach every module below") {
  Outer outer;
  CHECK(outer.second.training());
  outer.set_training(false);
  CHECK_FALSE(outer.training());
  CHECK_FALSE(outer.first.training());
  CHECK_FALSE(outer.second.training());
  outer.set_training(true);
  CHECK(outer.first.training());
  outer.set_step(41);
  CHECK(outer.step() == 41);
  CHECK(outer.second.step() == 41);
  CHECK(&outer.second.context() == &outer.context());
}

TEST_CASE("modules have the context of the network that they become a part of") {
  Sequential outermost;
  outermost.set_training(false);
  auto& inner = outermost.add<Sequential>("inner");
  const auto& leaf = inner.add<Inner>("leaf");
  CHECK(&leaf.context() == &outermost.context());
  CHECK_FALSE(leaf.training());
  Around later(outermost);
  CHECK(&leaf.context() == &later.context());
  CHECK(leaf.training());
}

TEST_CASE("work on the host is kept for replays while a step is recorded") {
  Context context;
  int done = 0;
  context.do_on_host([&] { ++done; });
  HostWork recorded;
  context.recorded_host_work = &recorded;
  context.do_on_host([&] { done += 10; });
  context.recorded_host_work = nullptr;
  context.do_on_host([&] { ++done; });
  CHECK(done == 12);
  REQUIRE(recorded.size() == 1);
  recorded.front()();
  CHECK(done == 22);
}

TEST_CASE("modules one after another are named and run in the order of their adding") {
  Initializer initializer{1, {}};
  Sequential network;
  network.add<Linear>("first", initializer, 3, 2);
  network.add<Linear>("second", initializer, 2, 4);
  CHECK(names_of(network.state()) == Names{"first.weight", "first.bias", "second.weight", "second.bias"});
  CHECK(network(Tensor::zeros({5, 3})).shape() == Shape{5, 4});
  CHECK(network.output_shape({5, 3}) == Shape{5, 4});
  CHECK_THROWS_AS((void)network.output_shape({5, 2}), Error);
  CHECK(network.parameter_count() == 3 * 2 + 2 + 2 * 4 + 4);
}

TEST_CASE("a module's tensors are the ones it computes with") {
  Initializer initializer{1, {}};
  Linear linear(initializer, 2, 1);
  std::vector<NamedTensor> parameters = linear.parameters();
  parameters[0].tensor.copy_from_host(std::vector<float>{2, 3});
  parameters[1].tensor.copy_from_host(std::vector<float>{10});
  CHECK(linear(values({1, 1}, {1, 2})).item() == 15.0f);
}

TEST_CASE("modules are found by the names of the state dict") {
  const Outer outer;
  const std::vector<NamedModule> modules = outer.modules();
  REQUIRE(modules.size() == 2);
  CHECK(modules[0].name == "first");
  CHECK(outer.find("1") == &outer.second);
  CHECK(outer.find("2") == nullptr);
  ModelSettings settings;
  settings.image_size = 16;
  const auto network = make_model(settings);
  REQUIRE(network->find("layer2.0.downsample.0") != nullptr);
  CHECK(network->find("layer2.0.downsample.0")->parameters().size() == 1);
}

TEST_CASE("an observer sees each output and may put another in its place") {
  Initializer initializer{1, {}};
  Linear linear(initializer, 2, 1);
  const Tensor x = values({1, 1}, {1, 2});
  const float before = linear(x).item();
  int calls = 0;
  linear.observe([&](const Tensor& output) {
    ++calls;
    CHECK(output.item() == before);
    return values({7}, {1, 1});
  });
  CHECK(linear(x).item() == 7.0f);
  CHECK(calls == 1);
  linear.observe({});
  CHECK(linear(x).item() == before);
  CHECK(calls == 1);
}

TEST_CASE("every module of every network passes its output to an observer") {
  for (const std::string& name : model_names()) {
    ModelSettings settings;
    settings.name = name;
    settings.image_size = 32;
    const auto network = make_model(settings);
    network->set_training(false);
    std::set<std::string> seen;
    for (const NamedModule& module : network->modules()) {
      module.module->observe([&seen, name_of = module.name](const Tensor& output) {
        seen.insert(name_of);
        return output;
      });
    }
    (void)(*network)(Tensor::zeros({1, 1, 32, 32}));
    for (const NamedModule& module : network->modules()) {
      CAPTURE(name, module.name);
      CHECK(seen.count(module.name) == 1);
    }
  }
}

TEST_CASE("a frozen part needs no gradient and evaluates, whatever is trained") {
  ModelSettings settings;
  settings.image_size = 32;
  const auto network = make_model(settings);
  const std::set<std::string> head = head_parameters(settings);
  CHECK(head == std::set<std::string>{"fc.bias", "fc.weight"});
  network->freeze_except(head);
  network->set_training(true);
  CHECK(names_of(network->trainable_parameters()) == Names{"fc.weight", "fc.bias"});
  CHECK(!network->find("layer4.1.bn2")->training());
  CHECK(network->find("fc")->training());
  CHECK(network->find("drop")->training());
  const auto buffer = [&] {
    for (const NamedTensor& tensor : network->state())
      if (tensor.name == "bn1.running_mean") return tensor.tensor.to_host();
    return std::vector<float>{};
  };
  const std::vector<float> before = buffer();
  const Tensor loss = engine::sum((*network)(random_tensor({4, 1, 32, 32}, 1)));
  loss.backward();
  CHECK(buffer() == before);
  for (const NamedTensor& parameter : network->parameters()) {
    CAPTURE(parameter.name);
    CHECK(parameter.tensor.grad().defined() == head.contains(parameter.name));
  }
  network->unfreeze();
  CHECK(names_of(network->trainable_parameters()) == names_of(network->parameters()));
  CHECK(network->find("layer4.1.bn2")->training());
}

TEST_CASE("Features are what the modules before the head make, and the head takes them") {
  ModelSettings settings;
  for (const char* name : {"xray_resnet", "resnet18", "densenet121", "efficientnet_lite0"}) {
    CAPTURE(name);
    settings.name = name;
    settings.image_size = 32;
    const auto network = make_model(settings);
    CHECK(feature_module_count(*network) == 0);  // all is trained
    network->freeze_except(head_parameters(settings));
    const std::size_t modules = feature_module_count(*network);
    const Tensor images = random_tensor({3, 1, 32, 32}, 1),
                 features = compute_features(*network, modules, images);
    CHECK(features.shape() == feature_shape(*network, modules, images.shape()));
    CHECK(features.rank() == 2);
    CHECK_FALSE(features.requires_grad());
    network->set_training(false);
    const std::vector<float> whole = (*network)(images).to_host();
    const auto from_features = [&] {
      const FromFeatures from(*network, modules);
      return (*network)(features).to_host();
    };
    CHECK(from_features() == whole);
    CHECK((*network)(images).to_host() == whole);
    CHECK(leading_state(*network, modules).size() == network->state().size() - 2);
  }
  settings.name = "report_cnn";
  const auto network = make_model(settings);
  network->freeze_except(head_parameters(settings));
  CHECK(feature_module_count(*network) == 4);  // the dropout behind fc1 is no part of them
}
