#include "engine/train/exponential_moving_average.h"

#include "tests/engine/support.h"

using namespace xr;
using namespace xr::engine;
using namespace xr::engine::test;
using Catch::Matchers::Contains;

TEST_CASE("the decay of a moving average rises to its value") {
  ParameterArena arena({{"a", random_leaf({3}, 1)}});
  const ExponentialMovingAverage average(arena, 0.9);
  CHECK(average.decay_at(1) == Approx(2.0 / 11.0).epsilon(1e-15));
  CHECK(average.decay_at(10) == Approx(11.0 / 20.0).epsilon(1e-15));
  CHECK(average.decay_at(79) == Approx(80.0 / 89.0).epsilon(1e-15));
  CHECK(average.decay_at(80) == 0.9);
  CHECK(average.decay_at(1000000) == 0.9);
}

TEST_CASE("a moving average follows the float64 oracle and leaves the gaps of the arena zero") {
  Tensor a = random_leaf({5, 7}, 1), b = random_leaf({3}, 2);
  ParameterArena arena({{"a", a}, {"b", b}});
  ExponentialMovingAverage average(arena, 0.5);
  const auto all = [&] {
    std::vector<double> values;
    for (const Tensor& tensor : {a, b})
      for (const float value : tensor.to_host()) values.push_back(static_cast<double>(value));
    return values;
  };
  const auto averages = [&] {
    std::vector<float> values;
    for (const NamedTensor& entry : average.state())
      for (const float value : entry.tensor.to_host()) values.push_back(value);
    return values;
  };
  std::vector<double> expected = all();
  CHECK(averages() == std::vector<float>(expected.begin(), expected.end()));  // starts as the weights
  for (std::int64_t step = 1; step <= 12; ++step) {
    a.copy_from_host(random_tensor({5, 7}, 10 + static_cast<std::uint64_t>(step)).to_host());
    b.copy_from_host(random_tensor({3}, 50 + static_cast<std::uint64_t>(step)).to_host());
    const std::vector<double> weights = all();
    const double decay =
        std::min(0.5, (1.0 + static_cast<double>(step)) / (10.0 + static_cast<double>(step)));
    for (std::size_t i = 0; i < expected.size(); ++i)
      expected[i] = decay * expected[i] + (1 - decay) * weights[i];
    average.update(step);
    CHECK(relative_error(averages(), expected) <= 3e-7);
    CHECK(all() == weights);
  }
  average.exchange();
  const std::vector<float> flat = arena.values().to_host();
  for (std::size_t i = 35; i < 48; ++i) CHECK(flat[i] == 0.0f);
}

TEST_CASE("weights and their average change places and come back bit for bit") {
  Tensor a = random_leaf({33}, 1), b = random_leaf({2, 3}, 2);
  ParameterArena arena({{"a", a}, {"b", b}});
  ExponentialMovingAverage average(arena, 0.9);
  a.copy_from_host(random_tensor({33}, 3).to_host());
  average.update(1);
  const std::vector<NamedTensor> averages = average.state();
  REQUIRE(averages.size() == 2);
  CHECK(averages[1].name == "b");
  const std::vector<float> weight = a.to_host(), mean = averages[0].tensor.to_host();
  CHECK(weight != mean);
  const std::uint64_t version = a.version();
  average.exchange();
  CHECK(a.to_host() == mean);
  CHECK(averages[0].tensor.to_host() == weight);
  CHECK(a.version() > version);  // what was saved of the weights is no longer valid
  average.exchange();
  CHECK(a.to_host() == weight);
  CHECK(averages[0].tensor.to_host() == mean);
}

TEST_CASE("a network's state has averages in the place of the arena's parameters alone") {
  const Tensor a = random_leaf({4}, 1), frozen = random_tensor({5}, 2);
  ParameterArena arena({{"a", a}});
  ExponentialMovingAverage average(arena, 0.9);
  Tensor changed = a;
  changed.copy_from_host(random_tensor({4}, 3).to_host());
  const std::vector<NamedTensor> state = average.in_place_of_parameters({{"frozen", frozen}, {"a", a}});
  CHECK(state[0].tensor.state() == frozen.state());
  CHECK(state[1].name == "a");
  CHECK(same_bytes(state[1].tensor, average.state()[0].tensor));
  CHECK_FALSE(same_bytes(state[1].tensor, a));
}

TEST_CASE("a moving average refuses senseless decays") {
  ParameterArena arena({{"a", random_leaf({3}, 1)}});
  for (const double decay : {0.0, 1.0, -0.5, 1.5, std::nan("")})
    CHECK_THAT(error_of([&] { ExponentialMovingAverage average(arena, decay); }),
               Contains("between 0 and 1"));
}
