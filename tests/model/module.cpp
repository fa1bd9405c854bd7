#include "model/module.h"

#include "model/layers.h"
#include "tests/engine/support.h"

using namespace xr;
using namespace xr::model;
using namespace xr::engine::test;

namespace {

class Inner final : public Module {
 public:
  Inner() {
    register_parameter("weight", Tensor::zeros({2}));
    register_buffer("count", Tensor::zeros({1}));
  }
  Tensor forward(const Tensor& x) override { return x; }
};

class Outer final : public Module {
 public:
  Outer() {
    register_module("first", first);
    register_parameter("scale", Tensor::zeros({3}));
    register_module("1", second);
  }
  Tensor forward(const Tensor& x) override { return second.forward(first.forward(x)); }
  Inner first, second;
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
}

TEST_CASE("a module's tensors are the ones it computes with") {
  Initializer initializer{1, {}};
  Linear linear(initializer, 2, 1);
  std::vector<NamedTensor> parameters = linear.parameters();
  parameters[0].tensor.copy_from_host(std::vector<float>{2, 3});
  parameters[1].tensor.copy_from_host(std::vector<float>{10});
  CHECK(linear.forward(values({1, 1}, {1, 2})).item() == 15.0f);
}
