#include "apps/xrtrain/find_lr/find_lr_page.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "apps/html/chart.h"
#include "apps/html/page.h"

namespace xr::apps {

namespace {

std::string rate_text(double learning_rate) {
  return fmt::format("{:.2g}", learning_rate);
}

html::Markup loss_chart(const RangeTest& test, const LearningRateSuggestion& suggestion) {
  html::Series smoothed, batches;
  smoothed.name = "smoothed";
  batches.name = "each batch";
  batches.line = false;
  double least = INFINITY, greatest = 0.0;
  for (const RangeTestStep& step : test.steps) {
    for (html::Series* series : {&smoothed, &batches}) series->x.push_back(std::log10(step.learning_rate));
    smoothed.y.push_back(step.smoothed);
    batches.y.push_back(step.loss);
    if (!std::isfinite(step.smoothed)) continue;
    least = std::min(least, step.smoothed);
    greatest = std::max(greatest, step.smoothed);
  }
  html::LineChart chart;
  chart.title = "Loss against the learning rate";
  chart.x = {"learning rate", {}, {}, true, false};
  chart.x.powers_of_ten = true;
  chart.y = {"mean cross-entropy", 0.0, {}, false, false};
  if (std::isfinite(least)) chart.y.high = 1.1 * std::min(greatest, range_test_divergence * least);
  chart.series = {smoothed, batches};
  if (suggestion.steepest)
    chart.lines.push_back({std::log10(*suggestion.steepest), "steepest descent of the smoothed loss"});
  if (suggestion.tenth_of_minimum)
    chart.lines.push_back({std::log10(*suggestion.tenth_of_minimum), "a tenth of that of its minimum"});
  chart.note = fmt::format(
      "Loss of each batch before the step with that learning rate, as it is minimised; smoothed: exponential moving "
      "average, decay factor {:g}, corrected for its start. It lags behind: losses rise before it does. What lies "
      "above the chart is drawn at its edge.",
      range_test_decay);
  return html::chart(chart);
}

}  // namespace

std::string range_test_end_text(const RangeTest& test) {
  const std::size_t steps = test.steps.size();
  switch (test.end) {
    case RangeTestEnd::diverged:
      return fmt::format("Ended at step {}: the smoothed loss exceeds {:g} times its minimum", steps,
                         range_test_divergence);
    case RangeTestEnd::not_finite:
      return fmt::format("Ended at step {}: the loss is no longer finite", steps);
    default:
      return fmt::format("All {} steps done; the loss has not diverged", steps);
  }
}

std::vector<std::string> suggestion_lines(const LearningRateSuggestion& suggestion) {
  std::vector<std::string> lines;
  if (suggestion.steepest)
    lines.push_back(
        fmt::format("Steepest descent of the smoothed loss: --lr {}", rate_text(*suggestion.steepest)));
  if (suggestion.tenth_of_minimum)
    lines.push_back(fmt::format("A tenth of the rate of the least smoothed loss: --lr {}",
                                rate_text(*suggestion.tenth_of_minimum)));
  if (lines.empty() && suggestion.fall > 0.0)
    lines.push_back(fmt::format(
        "No suggestion: the smoothed loss falls by {:.3g}, less than {:g} standard errors ({:.2g} each); try more "
        "--steps or a larger --batch-size",
        suggestion.fall, range_test_min_fall, suggestion.standard_error));
  else if (lines.empty())
    lines.emplace_back(
        "No suggestion: the smoothed loss never falls; try a smaller --min, more --steps or a larger "
        "--batch-size");
  if (lines.size() == 2)
    lines.push_back(
        fmt::format("Suggestion, the smaller of both: --lr {}", rate_text(*suggestion.careful())));
  return lines;
}

std::string find_lr_page(const RangeTest& test, const LearningRateSuggestion& suggestion,
                         const std::string& subtitle, const std::string& settings) {
  html::Page page("Learning-rate range test", subtitle);
  page.section("Result");
  page.paragraph(range_test_end_text(test) + ".");
  std::vector<html::Markup> items;
  for (const std::string& line : suggestion_lines(suggestion)) items.emplace_back(line);
  page.add(html::bullet_list(items));
  page.add(loss_chart(test, suggestion));
  page.note(
      "A suggestion is where to begin, not the best learning rate: that is the one with the best validation after a "
      "whole training. L. N. Smith, Cyclical learning rates for training neural networks, WACV 2017; both rules as in "
      "fastai's learning-rate finder.");
  page.section("How to repeat it");
  page.add(html::details("Settings", html::code_block(settings)));
  return page.str();
}

}  // namespace xr::apps
