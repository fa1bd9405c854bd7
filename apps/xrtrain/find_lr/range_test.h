// The learning-rate range test: L. N. Smith, "Cyclical learning rates for training neural networks", WACV 2017,
// section 3.3. The learning rate rises exponentially from step to step until the loss diverges. Smoothing, end and
// suggestions are those of fastai's learning-rate finder (J. Howard, S. Gugger, Information 11, 2020).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace xr::apps {

struct RangeTestSettings {
  double min = 1e-7, max = 10.0;  ///< learning rates of the first and of the last step; 0 < min < max
  std::int64_t steps = 100;       ///< at most; at least min_range_test_steps

  /// min (max / min)^(step / (steps - 1)), of steps from 0.
  [[nodiscard]] double learning_rate(std::int64_t step) const;
};
constexpr int min_range_test_steps = 20;
/// Decay factor of the exponential moving average of the loss, whose start at 0 is corrected for:
/// average / (1 - decay^(step + 1)).
constexpr double range_test_decay = 0.98;
/// The test ends where the smoothed loss exceeds so many times its least.
constexpr double range_test_divergence = 4.0;

/// There is no suggestion unless the smoothed loss falls by so many of its standard errors.
constexpr double range_test_min_fall = 3.0;

struct RangeTestStep {
  double learning_rate = 0.0;
  double loss = 0.0;  ///< of the batch, before the step with this learning rate
  double smoothed = 0.0;
};

enum class RangeTestEnd { all_steps, diverged, not_finite };

struct RangeTest {
  std::vector<RangeTestStep> steps;  ///< with the one that ended it
  RangeTestEnd end = RangeTestEnd::all_steps;
};

/// `step` trains one step at a learning rate and returns the batch's loss before it.
[[nodiscard]] RangeTest run_range_test(const RangeTestSettings& settings,
                                       const std::function<double(double learning_rate)>& step);

/// Two learning rates, read off the smoothed loss without the first tenth of `settings.steps` (where it still is about
/// the first batches) and without the last 5 steps (where it may have diverged). Both are nothing where the loss falls no
/// further than its noise.
struct LearningRateSuggestion {
  /// Where, before its least value, the smoothed loss falls most steeply against the logarithm of the learning rate.
  /// (Behind it a loss that has diverged can fall more steeply.)
  std::optional<double> steepest;
  /// A tenth of that of the least smoothed loss.
  std::optional<double> tenth_of_minimum;
  /// By how much the smoothed loss falls from the first step that is read to its least value.
  double fall = 0.0;
  /// Of that fall, as if both averages were independent: s sqrt(W(first) + W(least)), with W(step) the sum of the squared
  /// weights in the average and s^2 half the mean squared difference of successive losses between the two steps (von
  /// Neumann 1941), which a trend hardly changes.
  double standard_error = 0.0;

  [[nodiscard]] bool is_within_noise() const { return fall <= range_test_min_fall * standard_error; }
  /// The smaller of both.
  [[nodiscard]] std::optional<double> careful() const;
};
[[nodiscard]] LearningRateSuggestion suggest_learning_rate(const RangeTestSettings& settings,
                                                           std::span<const RangeTestStep> steps);

/// find_lr.csv (docs/formats.md)
[[nodiscard]] std::string range_test_csv(const RangeTest& test);

}  // namespace xr::apps
