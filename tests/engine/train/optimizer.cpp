#include "engine/train/optimizer.h"

#include "engine/ops/mul.h"
#include "engine/ops/sum.h"
#include "tests/engine/golden.h"
#include "tests/reference/adam.h"
#include "tests/reference/sgd.h"

using namespace xr;
using namespace xr::engine;
using namespace xr::engine::test;
using Catch::Matchers::Contains;

namespace {

/// Makes `gradient` the gradient of `leaf`.
void set_gradient(Tensor leaf, const Tensor& gradient) {
  leaf.clear_grad();
  leaf.backward(gradient);
}

/// The optimizer of a golden case: its options are PyTorch's.
std::unique_ptr<Optimizer> make_optimizer(const std::string& name,
                                          const std::map<std::string, double>& options,
                                          ParameterArena& arena) {
  const auto number = [&](const char* key) { return static_cast<float>(options.at(key)); };
  if (name.starts_with("sgd")) {
    kernels::SgdParams params;
    params.learning_rate = number("lr");
    params.momentum = number("momentum");
    params.weight_decay = number("weight_decay");
    params.nesterov = options.at("nesterov") != 0.0;
    return std::make_unique<Sgd>(arena, params);
  }
  kernels::AdamParams params;
  params.learning_rate = number("lr");
  params.beta1 = options.at("betas0");
  params.beta2 = options.at("betas1");
  params.epsilon = number("eps");
  params.weight_decay = number("weight_decay");
  params.decoupled_weight_decay = name == "adamw";
  return std::make_unique<Adam>(arena, params);
}

}  // namespace

TEST_CASE("optimizers follow PyTorch's for five steps") {
  const GoldenFile golden("optimizers");
  for (const std::string name :
       {"sgd", "sgd_weight_decay", "sgd_momentum", "sgd_nesterov", "adam", "adam_weight_decay", "adamw"}) {
    CAPTURE(name);
    const Tensor matrix = golden["initial.matrix"].set_requires_grad(true);
    const Tensor vector = golden["initial.vector"].set_requires_grad(true);
    ParameterArena arena({{"matrix", matrix}, {"vector", vector}});
    const auto optimizer = make_optimizer(name, golden.options(name), arena);
    for (int step = 1; step <= 5; ++step) {
      CAPTURE(step);
      set_gradient(matrix, golden[fmt::format("gradient.{}.matrix", step)]);
      set_gradient(vector, golden[fmt::format("gradient.{}.vector", step)]);
      optimizer->step();
      if (step != 1 && step != 5) continue;
      // f32 rounds the weights at each step.
      CHECK(relative_error(matrix, golden[fmt::format("{}.{}.matrix", name, step)]) <= 3e-7);
      CHECK(relative_error(vector, golden[fmt::format("{}.{}.vector", name, step)]) <= 3e-7);
    }
    CHECK(optimizer->steps_done() == 5);
  }
}

TEST_CASE("Adam follows the float64 oracle and leaves the gaps of the arena zero") {
  const Tensor a = random_leaf({5, 7}, 1), b = random_leaf({3}, 2);
  ParameterArena arena({{"a", a}, {"b", b}});
  kernels::AdamParams params;
  params.weight_decay = 0.05f;
  Adam adam(arena, params);
  const Shape flat = arena.values().shape();
  const auto to_reference = [&](const std::vector<float>& numbers) {
    return reference::Tensor(flat, std::vector<double>(numbers.begin(), numbers.end()));
  };
  reference::Tensor expected = to_reference(arena.values().to_host()), first(flat), second(flat);
  for (std::uint64_t step = 1; step <= 10; ++step) {
    adam.set_learning_rate(0.01f / static_cast<float>(step));
    params.learning_rate = 0.01f / static_cast<float>(step);
    params.step = static_cast<std::int64_t>(step);
    set_gradient(a, random_tensor(a.shape(), 10 + step));
    set_gradient(b, random_tensor(b.shape(), 50 + step));
    reference::adam_step(params, expected, to_reference(arena.gradients().to_host()), first, second);
    adam.step();
    CHECK(relative_error(arena.values().to_host(), expected.values) <= 3e-7);
  }
  CHECK(relative_error(adam.state()[0].tensor.to_host(), first.values) <= 1e-6);
  CHECK(relative_error(adam.state()[1].tensor.to_host(), second.values) <= 1e-6);
  const std::vector<float> all = arena.values().to_host();
  for (std::size_t i = 35; i < 48; ++i) CHECK(all[i] == 0.0f);
}

TEST_CASE("SGD with dampening follows the float64 oracle") {
  const Tensor a = random_leaf({32}, 1);
  ParameterArena arena({{"a", a}});
  kernels::SgdParams params{0.1f, 0.9f, 0.3f, 0.01f, false, 1};
  Sgd sgd(arena, params);
  reference::Tensor expected({32}), momentum({32});
  const std::vector<float> start = a.to_host();
  std::copy(start.begin(), start.end(), expected.values.begin());
  for (std::uint64_t step = 1; step <= 5; ++step) {
    set_gradient(a, random_tensor({32}, 10 + step));
    const std::vector<float> gradient = a.grad().to_host();
    params.step = static_cast<std::int64_t>(step);
    reference::sgd_step(params, expected,
                        reference::Tensor({32}, std::vector<double>(gradient.begin(), gradient.end())),
                        momentum);
    sgd.step();
    CHECK(relative_error(a.to_host(), expected.values) <= 3e-7);
  }
}

TEST_CASE("an optimizer goes on from its saved state to the same bytes") {
  for (const bool use_adam : {true, false}) {
    const auto run = [&](int interrupt_after) {
      Tensor a = random_leaf({33}, 1);
      auto arena = std::make_unique<ParameterArena>(std::vector<NamedTensor>{{"a", a}});
      const auto make = [&]() -> std::unique_ptr<Optimizer> {
        if (use_adam) return std::make_unique<Adam>(*arena, kernels::AdamParams{});
        return std::make_unique<Sgd>(*arena, kernels::SgdParams{0.1f, 0.9f});
      };
      auto optimizer = make();
      for (int step = 0; step < 6; ++step) {
        if (step == interrupt_after) {
          const std::vector<NamedTensor> old = optimizer->state();
          const std::int64_t steps = optimizer->steps_done();
          a = a.clone().set_requires_grad(true);
          arena = std::make_unique<ParameterArena>(std::vector<NamedTensor>{{"a", a}});
          optimizer = make();
          optimizer->set_steps_done(steps);
          std::vector<NamedTensor> state = optimizer->state();
          REQUIRE(state.size() == (use_adam ? 2 : 1));
          for (std::size_t i = 0; i < state.size(); ++i) {
            CHECK(state[i].name == old[i].name);
            state[i].tensor.copy_from_host(old[i].tensor.to_host());
          }
        }
        set_gradient(a, random_tensor({33}, 20 + static_cast<std::uint64_t>(step)));
        optimizer->step();
      }
      return a;
    };
    CHECK(same_bytes(run(-1), run(3)));
  }
}

TEST_CASE("a learning rate's factor holds for its parameters alone") {
  const auto trained = [](bool adam, float learning_rate, float factor_of_b) {
    const Tensor a = random_leaf({33}, 1), b = random_leaf({20}, 2), c = random_leaf({5}, 3);
    ParameterArena arena({{"a", a}, {"b", b}, {"c", c}});
    std::unique_ptr<Optimizer> optimizer;
    if (adam)
      optimizer = std::make_unique<Adam>(
          arena, kernels::AdamParams{.learning_rate = learning_rate, .weight_decay = 0.1f});
    else
      optimizer =
          std::make_unique<Sgd>(arena, kernels::SgdParams{.learning_rate = learning_rate, .momentum = 0.9f});
    optimizer->set_learning_rate_factors(
        [&](const std::string& name) { return name == "b" ? factor_of_b : 1.0f; });
    for (std::uint64_t step = 0; step < 3; ++step) {
      std::uint64_t number = 10 * step + 10;
      for (const Tensor& leaf : {a, b, c}) set_gradient(leaf, random_tensor(leaf.shape(), number++));
      optimizer->step();
    }
    return std::vector{a.to_host(), b.to_host(), c.to_host()};
  };
  for (const bool adam : {false, true}) {
    const auto whole = trained(adam, 0.5f, 1.0f), half = trained(adam, 0.25f, 1.0f),
               mixed = trained(adam, 0.5f, 0.5f);
    CHECK(mixed[0] == whole[0]);
    CHECK(mixed[1] == half[1]);
    CHECK(mixed[1] != whole[1]);
    CHECK(mixed[2] == whole[2]);
  }
  const Tensor a = random_leaf({3}, 1);
  ParameterArena arena({{"a", a}});
  Adam optimizer(arena, {});
  CHECK_THAT(error_of([&] { optimizer.set_learning_rate_factors([](const std::string&) { return -1.0f; }); }),
             Contains("-1"));
}

TEST_CASE("optimizers refuse senseless settings and missing gradients") {
  const Tensor a = random_leaf({3}, 1), b = random_leaf({2}, 2);
  ParameterArena arena({{"first", a}, {"second", b}});
  CHECK_THAT(error_of([&] { Adam adam(arena, {.learning_rate = -1.0f}); }), Contains("-1"));
  CHECK_THAT(error_of([&] { Adam adam(arena, {.learning_rate = std::nanf("")}); }), Contains("nan"));
  CHECK_THAT(error_of([&] { Sgd sgd(arena, {.learning_rate = -0.5f}); }), Contains("-0.5"));
  CHECK_THAT(error_of([&] { Adam adam(arena, {.beta1 = 1.0}); }), Contains("betas"));
  CHECK_THAT(error_of([&] { Adam adam(arena, {.beta2 = -0.1}); }), Contains("betas"));
  CHECK_THAT(error_of([&] { Sgd sgd(arena, {.nesterov = true}); }), Contains("Nesterov"));
  CHECK_THAT(error_of([&] { Sgd sgd(arena, {.momentum = 0.9f, .dampening = 0.1f, .nesterov = true}); }),
             Contains("Nesterov"));
  Adam adam(arena, {});
  set_gradient(a, Tensor::zeros({3}));
  const std::vector<float> before = a.to_host();
  CHECK_THAT(error_of([&] { adam.step(); }), Contains("second") && Contains("no gradient"));
  CHECK(adam.steps_done() == 0);
  CHECK(a.to_host() == before);
  CHECK(Sgd(arena, {}).state().empty());
}
