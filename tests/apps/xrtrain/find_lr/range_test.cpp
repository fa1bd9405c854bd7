#include "apps/xrtrain/find_lr/range_test.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "apps/xrtrain/find_lr/find_lr_page.h"
#include "kernels/common/error.h"

using namespace xr;
using namespace xr::apps;
using Catch::Matchers::Contains;

namespace {

const RangeTestSettings hundred{1e-7, 10.0, 100};

/// Steps whose smoothed loss is this.
std::vector<RangeTestStep> steps_of(const RangeTestSettings& settings, const std::vector<double>& smoothed) {
  std::vector<RangeTestStep> steps;
  for (std::size_t i = 0; i < smoothed.size(); ++i)
    steps.push_back({settings.learning_rate(static_cast<std::int64_t>(i)), smoothed[i], smoothed[i]});
  return steps;
}

}  // namespace

TEST_CASE("the learning rate of a range test rises by one factor from step to step") {
  CHECK(hundred.learning_rate(0) == 1e-7);
  CHECK(hundred.learning_rate(99) == Approx(10.0));
  const double factor = std::pow(1e8, 1.0 / 99);
  for (std::int64_t i = 1; i < 100; ++i)
    CHECK(hundred.learning_rate(i) / hundred.learning_rate(i - 1) == Approx(factor));
}

TEST_CASE("the smoothed loss is a moving average that is corrected for its start") {
  std::vector<double> rates;
  const RangeTest test = run_range_test({1e-3, 1.0, 20}, [&](double rate) {
    rates.push_back(rate);
    return rates.size() == 1 ? 1.0 : 2.0;
  });
  REQUIRE(test.steps.size() == 20);
  CHECK(test.end == RangeTestEnd::all_steps);
  CHECK(test.steps[0].smoothed == Approx(1.0));
  // (0.98 * 0.02 * 1 + 0.02 * 2) / (1 - 0.98^2)
  CHECK(test.steps[1].smoothed == Approx((0.0196 + 0.04) / 0.0396));
  CHECK(rates.front() == 1e-3);
  CHECK(rates.back() == Approx(1.0));
}

TEST_CASE("a range test ends where the loss diverges or is no number") {
  int step = 0;
  const RangeTest diverged = run_range_test(hundred, [&](double) { return ++step < 30 ? 1.0 : 1000.0; });
  CHECK(diverged.end == RangeTestEnd::diverged);
  CHECK(diverged.steps.size() == 30);
  CHECK(diverged.steps.back().smoothed > 4.0);
  step = 0;
  // The average of 1 and a few values of 5 stays below 4.
  CHECK(run_range_test(hundred, [&](double) { return ++step < 30 ? 1.0 : 3.9; }).end ==
        RangeTestEnd::all_steps);
  step = 0;
  const RangeTest no_number = run_range_test(
      hundred, [&](double) { return ++step < 40 ? 1.0 : std::numeric_limits<double>::quiet_NaN(); });
  CHECK(no_number.end == RangeTestEnd::not_finite);
  CHECK(no_number.steps.size() == 40);
  CHECK_THAT(range_test_csv(no_number), Contains("step,learning_rate,loss,smoothed_loss\n0,1e-07,1,1\n") &&
                                            Contains("\n39,") && Contains("nan"));
  CHECK_THROWS_AS(run_range_test({1, 1, 100}, [](double) { return 1.0; }), Error);
  CHECK_THROWS_AS(run_range_test({1, 2, 19}, [](double) { return 1.0; }), Error);
}

TEST_CASE("suggestions are the steepest descent and a tenth of the minimum") {
  // Flat, then steps down by 0.01 to 60, of which the one behind step 40 is the largest, least at 60, then up.
  std::vector<double> smoothed(90, 1.0);
  for (std::size_t i = 31; i < 90; ++i) smoothed[i] = smoothed[i - 1] + (i <= 60 ? -0.01 : 0.02);
  for (std::size_t i = 41; i < 90; ++i) smoothed[i] -= 0.05;
  const std::vector<RangeTestStep> steps = steps_of(hundred, smoothed);
  const LearningRateSuggestion found = suggest_learning_rate(hundred, steps);
  CHECK(found.steepest == hundred.learning_rate(40));
  CHECK(found.tenth_of_minimum.value() == Approx(hundred.learning_rate(60) / 10));
  CHECK(found.careful() == std::min(*found.steepest, *found.tenth_of_minimum));

  // What happens in the first tenth and in the last five steps does not count.
  std::vector<double> ends = smoothed;
  ends[3] = 0.01;
  ends[87] = -5;
  ends[70] = 5;  // nor a fall after the least value
  const LearningRateSuggestion same = suggest_learning_rate(hundred, steps_of(hundred, ends));
  CHECK(same.steepest == found.steepest);
  CHECK(same.tenth_of_minimum == found.tenth_of_minimum);
}

TEST_CASE("a loss that never falls, and too few steps, give no suggestion") {
  std::vector<double> rising;
  for (int i = 0; i < 50; ++i) rising.push_back(1.0 + i);
  const LearningRateSuggestion none = suggest_learning_rate(hundred, steps_of(hundred, rising));
  CHECK_FALSE(none.steepest);
  CHECK_FALSE(none.tenth_of_minimum);
  CHECK_FALSE(none.careful());
  CHECK_FALSE(suggest_learning_rate(hundred, steps_of(hundred, std::vector<double>(16, 1.0))).careful());
}

TEST_CASE("a loss that falls no further than its noise gives no suggestion") {
  // The smoothed loss falls by 0.1 to step 60; the losses of the batches jump up and down.
  const auto found = [](double jump) {
    std::vector<RangeTestStep> steps;
    for (std::int64_t i = 0; i < 100; ++i) {
      const double smoothed = i <= 10 ? 0.7 : i <= 60 ? 0.7 - 0.002 * static_cast<double>(i - 10) : 0.9;
      steps.push_back({hundred.learning_rate(i), smoothed + (i % 2 == 0 ? jump : -jump), smoothed});
    }
    return suggest_learning_rate(hundred, steps);
  };
  // s^2 = (2 jump)^2 / 2; averages of 11 and 61 steps: W = 0.0913 and 0.0184, so a standard error of 0.468 jump.
  const LearningRateSuggestion clear = found(0.07), noisy = found(0.072);
  CHECK(clear.fall == Approx(0.1));
  CHECK(noisy.standard_error == Approx(0.468 * 0.072).epsilon(2e-3));
  CHECK(clear.careful());
  CHECK_FALSE(noisy.steepest);
  CHECK_FALSE(noisy.tenth_of_minimum);
  const std::vector<std::string> lines = suggestion_lines(noisy);
  REQUIRE(lines.size() == 1);
  CHECK_THAT(lines.front(),
             Contains("No suggestion") && Contains("falls by 0.1, less than 3 standard errors"));
}
