#include "apps/statistics/label_metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "apps/statistics/label_ranking.h"
#include "apps/statistics/roc.h"
#include "data/dataset/label_strata.h"
#include "kernels/common/error.h"

namespace xr::statistics {

namespace {

using Rate = std::optional<double> (BinaryCounts::*)() const;

/// The metrics of a label that come from the bootstrap; the last one, AUPRC, from the ranking.
constexpr std::pair<const char*, Rate> label_rates[] = {
    {"balanced_accuracy", &BinaryCounts::balanced_accuracy},
    {"f1", &BinaryCounts::f1},
    {"mcc", &BinaryCounts::mcc}};

/// Means over labels.
constexpr std::pair<const char*, Rate> mean_rates[] = {
    {"mean_sensitivity", &BinaryCounts::sensitivity},
    {"mean_specificity", &BinaryCounts::specificity},
    {"mean_balanced_accuracy", &BinaryCounts::balanced_accuracy},
    {"mean_f1", &BinaryCounts::f1}};

/// A label, prepared once for many resamples.
struct Label {
  Label(const LabelTable& table, std::size_t index, double threshold)
      : column(table, index),
        ranking(column.images, column.positive, column.scores, threshold),
        all(ranking.measure()) {}
  [[nodiscard]] bool measured() const { return all.counts.positives() > 0 && all.counts.negatives() > 0; }

  LabelColumn column;
  LabelRanking ranking;
  RankedLabel all;
};

/// Mean over those that are defined.
class Mean {
 public:
  void add(const std::optional<double>& value) {
    if (!value) return;
    sum_ += *value;
    ++count_;
  }
  [[nodiscard]] std::optional<double> value() const {
    return count_ == 0 ? std::nullopt : std::optional(sum_ / static_cast<double>(count_));
  }

 private:
  double sum_ = 0;
  std::int64_t count_ = 0;
};

/// Squared error and -log of the probability of the target, of each known one, image by image.
struct Terms {
  explicit Terms(const LabelTable& table) {
    for (std::size_t i = 0; i < table.targets.size(); ++i) {
      if (i % table.labels == 0) begins.push_back(brier.size());
      const double target = table.targets[i], p = table.values[i];
      if (std::isnan(target)) continue;
      brier.push_back((p - target) * (p - target));
      nll.push_back(-std::log(std::max(target > 0.5 ? p : 1.0 - p, std::numeric_limits<double>::min())));
    }
    begins.push_back(brier.size());
  }
  struct Means {
    std::optional<double> brier, nll;
  };
  [[nodiscard]] Means means(Times times) const {
    double brier_sum = 0, nll_sum = 0, count = 0;
    for (std::size_t image = 0; image + 1 < begins.size(); ++image) {
      const double weight = times.empty() ? 1.0 : times[image];
      if (weight == 0) continue;
      for (std::size_t i = begins[image]; i < begins[image + 1]; ++i) {
        brier_sum += weight * brier[i];
        nll_sum += weight * nll[i];
      }
      count += weight * static_cast<double>(begins[image + 1] - begins[image]);
    }
    if (count == 0) return {};
    return {brier_sum / count, nll_sum / count};
  }
  std::vector<std::size_t> begins;  // of each image, and the end
  std::vector<double> brier, nll;
};

constexpr std::size_t values_of_label = std::size(label_rates) + 1;
constexpr std::size_t mean_values = std::size(mean_rates) + 4;  // and AUROC, AUPRC, Brier score, log loss

/// All bootstrapped values of a resample: the means, then those of each label.
void measure_all(const std::vector<Label>& labels, const Terms& terms, Times times,
                 std::span<std::optional<double>> values) {
  Mean auroc, auprc, rates[std::size(mean_rates)];
  for (std::size_t l = 0; l < labels.size(); ++l) {
    const RankedLabel ranked = labels[l].ranking.measure(times);
    const BinaryCounts& counts = ranked.counts;
    const std::span of_label = values.subspan(mean_values + l * values_of_label, values_of_label);
    for (std::size_t r = 0; r < std::size(label_rates); ++r) of_label[r] = (counts.*label_rates[r].second)();
    of_label[values_of_label - 1] = ranked.average_precision;
    if (!labels[l].measured()) continue;
    auroc.add(ranked.auroc);
    auprc.add(of_label[values_of_label - 1]);
    for (std::size_t r = 0; r < std::size(mean_rates); ++r) rates[r].add((counts.*mean_rates[r].second)());
  }
  values[0] = auroc.value();
  values[1] = auprc.value();
  for (std::size_t r = 0; r < std::size(mean_rates); ++r) values[2 + r] = rates[r].value();
  const Terms::Means means = terms.means(times);
  values[mean_values - 2] = means.brier;
  values[mean_values - 1] = means.nll;
}

}  // namespace

LabelColumn::LabelColumn(const LabelTable& table, std::size_t label) {
  for (std::size_t i = 0; i < table.images(); ++i) {
    const float target = table.targets[i * table.labels + label];
    if (std::isnan(target)) continue;
    images.push_back(i);
    positive.push_back(target > 0.5f ? 1 : 0);
    scores.push_back(table.values[i * table.labels + label]);
  }
}

std::optional<double> mean_auroc(const LabelTable& table) {
  Mean mean;
  for (std::size_t l = 0; l < table.labels; ++l) {
    const LabelColumn column(table, l);
    // Of a network that gave no numbers there is no ranking.
    if (std::ranges::any_of(column.scores, [](double score) { return std::isnan(score); }))
      return std::nullopt;
    mean.add(auroc(column.positive, column.scores));
  }
  return mean.value();
}

bool is_measured(const ClassMetrics& label) {
  return label.counts.positives() > 0 && label.counts.negatives() > 0;
}

MetricTable make_label_metric_table(const LabelTable& table, std::span<const double> thresholds,
                                    const BootstrapSettings& settings) {
  XR_CHECK(thresholds.size() == table.labels, "{} thresholds for {} labels", thresholds.size(), table.labels);
  std::vector<Label> labels;
  for (std::size_t l = 0; l < table.labels; ++l) labels.emplace_back(table, l, thresholds[l]);
  const Terms terms(table);

  const auto statistic = [&](Times times, std::span<std::optional<double>> values) {
    measure_all(labels, terms, times, values);
  };
  const std::size_t count = mean_values + labels.size() * values_of_label;
  std::vector<std::optional<double>> values(count);
  statistic({}, values);
  const std::vector<std::size_t> strata = data::label_strata(table.targets, table.labels);
  const auto intervals = stratified_bootstrap(std::vector<std::int64_t>(strata.begin(), strata.end()), count,
                                              statistic, settings);
  const auto bootstrapped = [&](std::string name, std::size_t place) {
    return Metric{std::move(name), {values[place], intervals[place]}, IntervalMethod::bootstrap};
  };

  MetricTable result;
  result.images = static_cast<std::int64_t>(table.images());
  result.metrics = {bootstrapped("mean_auroc", 0), bootstrapped("mean_auprc", 1)};
  for (std::size_t r = 0; r < std::size(mean_rates); ++r)
    result.metrics.push_back(bootstrapped(mean_rates[r].first, 2 + r));
  result.metrics.push_back(bootstrapped("brier", mean_values - 2));
  result.metrics.push_back(bootstrapped("nll", mean_values - 1));
  for (std::size_t l = 0; l < labels.size(); ++l) {
    ClassMetrics one{l, labels[l].all.counts, {}, thresholds[l]};
    one.metrics = {auroc_metric(labels[l].column.positive, labels[l].column.scores),
                   bootstrapped("auprc", mean_values + (l + 1) * values_of_label - 1)};
    for (Metric& metric : rate_metrics(one.counts)) one.metrics.push_back(std::move(metric));
    for (std::size_t r = 0; r < std::size(label_rates); ++r)
      one.metrics.push_back(bootstrapped(label_rates[r].first, mean_values + l * values_of_label + r));
    result.classes.push_back(std::move(one));
  }
  return result;
}

}  // namespace xr::statistics
