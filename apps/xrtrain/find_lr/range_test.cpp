#include "apps/xrtrain/find_lr/range_test.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "apps/text/text.h"
#include "kernels/common/error.h"

namespace xr::apps {

namespace {

constexpr std::int64_t skipped_at_end = 5;

/// Sum of the squared weights that the corrected moving average of so many steps gives them.
double squared_weights(std::int64_t steps) {
  const double rest = std::pow(range_test_decay, static_cast<double>(steps));
  return (1.0 - range_test_decay) * (1.0 + rest) / ((1.0 + range_test_decay) * (1.0 - rest));
}

/// Variance of the losses of single batches about their course.
double noise_variance(std::span<const RangeTestStep> steps) {
  double sum = 0.0;
  for (std::size_t i = 1; i < steps.size(); ++i) sum += std::pow(steps[i].loss - steps[i - 1].loss, 2);
  return sum / (2.0 * static_cast<double>(steps.size() - 1));
}

}  // namespace

double RangeTestSettings::learning_rate(std::int64_t step) const {
  return min * std::pow(max / min, static_cast<double>(step) / static_cast<double>(steps - 1));
}

RangeTest run_range_test(const RangeTestSettings& settings,
                         const std::function<double(double learning_rate)>& step) {
  XR_CHECK(settings.min > 0 && settings.min < settings.max && settings.steps >= min_range_test_steps,
           "a range test from {} to {} in {} steps: use 0 < minimum < maximum and at least {} steps",
           settings.min, settings.max, settings.steps, min_range_test_steps);
  RangeTest test;
  double average = 0.0, least = INFINITY;
  for (std::int64_t i = 0; i < settings.steps; ++i) {
    const double rate = settings.learning_rate(i), loss = step(rate);
    average = range_test_decay * average + (1.0 - range_test_decay) * loss;
    const double smoothed = average / (1.0 - std::pow(range_test_decay, static_cast<double>(i + 1)));
    test.steps.push_back({rate, loss, smoothed});
    if (!std::isfinite(loss)) {
      test.end = RangeTestEnd::not_finite;
      break;
    }
    least = std::min(least, smoothed);
    if (smoothed > range_test_divergence * least) {
      test.end = RangeTestEnd::diverged;
      break;
    }
  }
  return test;
}

std::optional<double> LearningRateSuggestion::careful() const {
  if (!steepest || !tenth_of_minimum) return steepest ? steepest : tenth_of_minimum;
  return std::min(*steepest, *tenth_of_minimum);
}

LearningRateSuggestion suggest_learning_rate(const RangeTestSettings& settings,
                                             std::span<const RangeTestStep> steps) {
  LearningRateSuggestion result;
  const std::int64_t first = settings.steps / 10,
                     last = static_cast<std::int64_t>(steps.size()) - skipped_at_end;
  if (last - first < 2) return result;
  const std::span<const RangeTestStep> used =
      steps.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first));
  const auto least = std::ranges::min_element(used, {}, &RangeTestStep::smoothed);
  if (least == used.begin()) return result;  // the loss never fell
  const std::int64_t until_least = least - used.begin() + 1;
  result.fall = used.front().smoothed - least->smoothed;
  result.standard_error = std::sqrt(noise_variance(used.first(static_cast<std::size_t>(until_least))) *
                                    (squared_weights(first + 1) + squared_weights(first + until_least)));
  if (result.is_within_noise()) return result;
  result.tenth_of_minimum = least->learning_rate / 10.0;
  double steepest = 0.0;
  for (auto step = used.begin(); step != least; ++step) {
    const double slope = (step[1].smoothed - step->smoothed) /
                         (std::log(step[1].learning_rate) - std::log(step->learning_rate));
    if (slope >= steepest) continue;
    steepest = slope;
    result.steepest = step->learning_rate;
  }
  return result;
}

std::string range_test_csv(const RangeTest& test) {
  std::string text = "step,learning_rate,loss,smoothed_loss\n";
  for (std::size_t i = 0; i < test.steps.size(); ++i)
    text += fmt::format("{},{},{},{}\n", i, text::number_text(test.steps[i].learning_rate),
                        text::number_text(test.steps[i].loss), text::number_text(test.steps[i].smoothed));
  return text;
}

}  // namespace xr::apps
