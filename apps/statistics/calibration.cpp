#include "apps/statistics/calibration.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/common/error.h"

namespace xr::statistics {

namespace {

double log_probability(double p) {
  return std::log(std::max(p, std::numeric_limits<double>::min()));
}

/// Derivative of the negative log likelihood with regard to 1 / T, which grows with it: sum over images of
/// the mean log probability under softmax(log p / T) less that of the label.
double slope(const ProbabilityTable& table, std::span<const double> logs, double inverse) {
  double total = 0.0;
  for (std::size_t i = 0; i < table.images(); ++i) {
    const std::span<const double> row = logs.subspan(i * table.classes, table.classes);
    const double largest = *std::ranges::max_element(row);
    double sum = 0.0, mean = 0.0;
    for (const double value : row) {
      const double weight = std::exp((value - largest) * inverse);
      sum += weight;
      mean += weight * value;
    }
    total += mean / sum - row[static_cast<std::size_t>(table.labels[i])];
  }
  return total;
}

}  // namespace

std::vector<std::int64_t> ProbabilityTable::predictions() const {
  std::vector<std::int64_t> result;
  for (std::size_t i = 0; i < images(); ++i) {
    const std::span<const double> p = row(i);
    result.push_back(std::ranges::max_element(p) - p.begin());
  }
  return result;
}

std::vector<double> brier_terms(const ProbabilityTable& table) {
  std::vector<double> result;
  for (std::size_t i = 0; i < table.images(); ++i) {
    const std::span<const double> row = table.row(i);
    double sum = 0.0;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const double error = row[c] - (static_cast<std::size_t>(table.labels[i]) == c ? 1.0 : 0.0);
      sum += error * error;
    }
    result.push_back(table.classes == 2 ? sum / 2 : sum);
  }
  return result;
}

std::optional<double> brier_score(const ProbabilityTable& table) {
  if (table.images() == 0) return std::nullopt;
  const std::vector<double> terms = brier_terms(table);
  return std::accumulate(terms.begin(), terms.end(), 0.0) / static_cast<double>(terms.size());
}

std::optional<double> negative_log_likelihood(const ProbabilityTable& table) {
  if (table.images() == 0) return std::nullopt;
  double sum = 0.0;
  for (std::size_t i = 0; i < table.images(); ++i)
    sum -= log_probability(table.row(i)[static_cast<std::size_t>(table.labels[i])]);
  return sum / static_cast<double>(table.images());
}

std::optional<double> ReliabilityBin::mean_probability() const {
  if (images == 0) return std::nullopt;
  return probability_sum / static_cast<double>(images);
}

std::optional<double> ReliabilityBin::observed() const {
  if (images == 0) return std::nullopt;
  return static_cast<double>(hits) / static_cast<double>(images);
}

std::vector<ReliabilityBin> reliability(std::span<const double> probabilities,
                                        std::span<const std::uint8_t> came_true, Times times,
                                        std::size_t bins) {
  XR_CHECK(bins > 0 && probabilities.size() == came_true.size(),
           "{} bins for {} probabilities and {} outcomes: use at least one bin and as many outcomes", bins,
           probabilities.size(), came_true.size());
  std::vector<ReliabilityBin> result(bins);
  for (std::size_t b = 0; b < bins; ++b) {
    result[b].low = static_cast<double>(b) / static_cast<double>(bins);
    result[b].high = static_cast<double>(b + 1) / static_cast<double>(bins);
  }
  for (std::size_t i = 0; i < probabilities.size(); ++i) {
    const auto bin = std::ranges::find_if(result.begin(), result.end() - 1, [&](const ReliabilityBin& part) {
      return probabilities[i] <= part.high;
    });
    const std::uint32_t count = times.empty() ? 1 : times[i];
    bin->images += count;
    bin->hits += came_true[i] ? count : 0;
    bin->probability_sum += count * probabilities[i];
  }
  return result;
}

std::optional<double> calibration_error(std::span<const ReliabilityBin> bins) {
  std::int64_t images = 0;
  double sum = 0.0;
  for (const ReliabilityBin& bin : bins) {
    images += bin.images;
    sum += std::abs(static_cast<double>(bin.hits) - bin.probability_sum);
  }
  if (images == 0) return std::nullopt;
  return sum / static_cast<double>(images);
}

Confidence confidence_of(const ProbabilityTable& table) {
  Confidence result;
  const std::vector<std::int64_t> predictions = table.predictions();
  for (std::size_t i = 0; i < table.images(); ++i) {
    result.probability.push_back(table.row(i)[static_cast<std::size_t>(predictions[i])]);
    result.right.push_back(predictions[i] == table.labels[i]);
  }
  return result;
}

std::optional<double> expected_calibration_error(const ProbabilityTable& table) {
  const Confidence confidence = confidence_of(table);
  return calibration_error(reliability(confidence.probability, confidence.right));
}

std::vector<double> at_temperature(const ProbabilityTable& table, double temperature) {
  XR_CHECK(temperature > 0.0, "the temperature is {}: use one above 0", temperature);
  std::vector<double> result(table.values.begin(), table.values.end());
  for (std::size_t i = 0; i < table.images(); ++i) {
    const std::span<double> row = std::span(result).subspan(i * table.classes, table.classes);
    const double largest = log_probability(*std::ranges::max_element(row));
    double sum = 0.0;
    for (double& value : row) sum += value = std::exp((log_probability(value) - largest) / temperature);
    for (double& value : row) value /= sum;
  }
  return result;
}

std::optional<double> fit_temperature(const ProbabilityTable& table) {
  std::vector<double> logs(table.values.size());
  std::ranges::transform(table.values, logs.begin(), log_probability);
  double low = 0.01, high = 100.0;  // of 1 / T
  if (table.images() == 0 || !(slope(table, logs, low) < 0.0) || !(slope(table, logs, high) > 0.0))
    return std::nullopt;
  // The likelihood is concave in 1 / T: one zero of the slope, bisected on a logarithmic scale.
  for (int step = 0; step < 100; ++step) {
    const double middle = std::sqrt(low * high);
    (slope(table, logs, middle) < 0.0 ? low : high) = middle;
  }
  return 1.0 / std::sqrt(low * high);
}

}  // namespace xr::statistics
