#include "apps/xrtrain/training/step_results.h"

#include <catch2/catch.hpp>

using namespace xr;
using namespace xr::apps;
using engine::Tensor;

namespace {

/// Step `number`: its loss is the number, logit i of it is 100 number + i.
struct Step {
  explicit Step(std::int64_t number_in, std::int64_t count, const kernels::Device& device)
      : number(number_in) {
    const float loss = static_cast<float>(number);
    std::vector<float> logits(static_cast<std::size_t>(2 * count));
    for (std::size_t i = 0; i < logits.size(); ++i) logits[i] = 100 * loss + static_cast<float>(i);
    labels.resize(static_cast<std::size_t>(count), number % 2);
    result.loss = Tensor::from_host(std::span<const float>(&loss, 1), {}, device);
    result.logits = Tensor::from_host(std::span<const float>(logits), {count, 2}, device);
  }
  std::int64_t number;
  std::vector<std::int64_t> labels;
  model::TrainingStep::Result result;
};

void check(const std::vector<StepResult>& arrived, std::int64_t first, std::int64_t last) {
  REQUIRE(static_cast<std::int64_t>(arrived.size()) == last - first);
  for (const StepResult& step : arrived) {
    const std::int64_t expected = first++;
    CHECK(step.step == expected);
    CHECK(step.loss == static_cast<float>(expected));
    REQUIRE(step.logits.size() == 2 * step.labels.size());
    CHECK(step.labels.front() == expected % 2);
    for (std::size_t i = 0; i < step.logits.size(); ++i)
      CHECK(step.logits[i] == static_cast<float>(100 * expected) + static_cast<float>(i));
  }
}

std::vector<StepResult> add(StepResults& results, std::int64_t number, std::int64_t count) {
  const Step step(number, count, {});
  return results.add(number, step.result, {step.labels});
}

}  // namespace

TEST_CASE("results of steps arrive in order one interval late") {
  StepResults results({}, 3, 2, 4);
  for (std::int64_t i = 0; i < 7; ++i) CHECK(add(results, i, 3).empty());
  check(add(results, 7, 2), 0, 4);  // the copy of 4 to 7 begins: that of 0 to 3 is waited for
  CHECK(add(results, 8, 3).empty());
  check(results.finish(), 4, 9);
  CHECK(results.finish().empty());
  CHECK(add(results, 9, 1).empty());
  check(results.finish(), 9, 10);
}

TEST_CASE("with an interval of 1 the result of a step is there at once") {
  StepResults results({}, 2, 2, 1);
  for (std::int64_t i = 0; i < 5; ++i) check(add(results, i, 1 + i % 2), i, i + 1);
  CHECK(results.finish().empty());
}
