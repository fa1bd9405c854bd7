#include "apps/statistics/metric_table.h"

#include <fmt/core.h>

#include <algorithm>
#include <memory>

#include "apps/statistics/delong.h"
#include "apps/statistics/roc.h"

namespace xr::statistics {

namespace {

Metric bootstrap_metric(std::string name) {
  return {std::move(name), {}, IntervalMethod::bootstrap};
}

/// Mean of `count` values; undefined if one is.
template <class Value>
std::optional<double> mean_of(std::size_t count, Value&& value) {
  double sum = 0.0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::optional<double> part = value(i);
    if (!part) return std::nullopt;
    sum += *part;
  }
  if (count == 0) return std::nullopt;
  return sum / static_cast<double>(count);
}

/// What resamples need, prepared once.
struct Prepared {
  explicit Prepared(const ProbabilityTable& probabilities)
      : table(probabilities), predictions(probabilities.predictions()), brier(brier_terms(probabilities)) {
    for (std::size_t c = 0; c < table.classes; ++c) {
      positive.push_back(against_rest(table.labels, c));
      scores.push_back(column_of(table.values, table.classes, c));
      rankings.emplace_back(positive[c], scores[c]);
    }
    for (std::size_t i = 0; i < table.images(); ++i) {
      const ProbabilityTable image{table.classes, table.row(i), table.labels.subspan(i, 1)};
      nll.push_back(*negative_log_likelihood(image));
    }
  }

  [[nodiscard]] ConfusionMatrix confusion(Times times) const {
    return {table.classes, table.labels, predictions, times};
  }
  static std::optional<double> mean(const std::vector<double>& terms, Times times) {
    double sum = 0.0, count = 0.0;
    for (std::size_t i = 0; i < terms.size(); ++i) {
      const double weight = times.empty() ? 1.0 : times[i];
      count += weight;
      sum += weight * terms[i];
    }
    if (count == 0.0) return std::nullopt;
    return sum / count;
  }

  ProbabilityTable table;
  std::vector<std::int64_t> predictions;
  std::vector<double> brier, nll;
  std::vector<std::vector<std::uint8_t>> positive;  // of each class
  std::vector<std::vector<double>> scores;
  std::vector<Ranking> rankings;
};

/// Values of all images, then of resamples, of the metrics that have their interval from the bootstrap.
class Bootstrapped {
 public:
  using Function = std::function<std::optional<double>(const ConfusionMatrix&, Times)>;

  void add(Metric& metric, Function function) {
    targets_.push_back(&metric);
    functions_.push_back(std::move(function));
  }
  void run(const Prepared& prepared, const BootstrapSettings& settings) {
    const auto statistic = [&](Times times, std::span<std::optional<double>> values) {
      const ConfusionMatrix confusion = prepared.confusion(times);
      for (std::size_t i = 0; i < functions_.size(); ++i) values[i] = functions_[i](confusion, times);
    };
    std::vector<std::optional<double>> values(functions_.size());
    statistic({}, values);
    const auto intervals =
        stratified_bootstrap(prepared.table.labels, functions_.size(), statistic, settings);
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      targets_[i]->estimate.value = values[i];
      targets_[i]->estimate.interval = intervals[i];
    }
  }

 private:
  std::vector<Metric*> targets_;
  std::vector<Function> functions_;
};

/// Rates of one class against the rest; F1, MCC, AUPRC and balanced accuracy are filled in by the bootstrap.
void add_class_metrics(const Prepared& prepared, std::size_t positive, const BinaryCounts& counts,
                       std::vector<Metric>& metrics) {
  metrics.push_back(bootstrap_metric("balanced_accuracy"));
  for (Metric& metric : rate_metrics(counts)) metrics.push_back(std::move(metric));
  metrics.push_back(bootstrap_metric("f1"));
  metrics.push_back(bootstrap_metric("mcc"));
  metrics.push_back(auroc_metric(prepared.positive[positive], prepared.scores[positive]));
  metrics.push_back(bootstrap_metric("auprc"));
}

void bind_class_metrics(const Prepared& prepared, std::size_t positive, std::vector<Metric>& metrics,
                        Bootstrapped& bootstrapped) {
  const auto bind = [&](Metric& metric, std::optional<double> (BinaryCounts::*rate)() const) {
    bootstrapped.add(metric, [rate, positive](const ConfusionMatrix& confusion, Times) {
      const BinaryCounts counts = confusion.against_rest(positive);
      return (counts.*rate)();
    });
  };
  for (Metric& metric : metrics) {
    if (metric.name == "balanced_accuracy") bind(metric, &BinaryCounts::balanced_accuracy);
    if (metric.name == "f1") bind(metric, &BinaryCounts::f1);
    if (metric.name == "mcc") bind(metric, &BinaryCounts::mcc);
    if (metric.name == "auprc")
      bootstrapped.add(metric, [&prepared, positive](const ConfusionMatrix&, Times times) {
        return prepared.rankings[positive].average_precision(times);
      });
  }
}

using Rate = std::optional<double> (BinaryCounts::*)() const;
constexpr std::pair<const char*, Rate> macro_rates[] = {{"macro_sensitivity", &BinaryCounts::sensitivity},
                                                        {"macro_specificity", &BinaryCounts::specificity},
                                                        {"macro_ppv", &BinaryCounts::ppv},
                                                        {"macro_npv", &BinaryCounts::npv},
                                                        {"macro_f1", &BinaryCounts::f1}};

void add_macro_metrics(std::vector<Metric>& metrics) {
  metrics.push_back(bootstrap_metric("balanced_accuracy"));
  for (const auto& [name, rate] : macro_rates) metrics.push_back(bootstrap_metric(name));
  metrics.push_back(bootstrap_metric("mcc"));
  metrics.push_back(bootstrap_metric("macro_auroc"));
  metrics.push_back(bootstrap_metric("macro_auprc"));
}

void bind_macro_metrics(const Prepared& prepared, std::vector<Metric>& metrics, Bootstrapped& bootstrapped) {
  const auto rankings = [&](Metric& metric, std::optional<double> (Ranking::*area)(Times) const) {
    bootstrapped.add(metric, [&prepared, area](const ConfusionMatrix&, Times times) {
      return mean_of(prepared.rankings.size(),
                     [&](std::size_t c) { return (prepared.rankings[c].*area)(times); });
    });
  };
  for (Metric& metric : metrics) {
    for (const auto& [name, rate] : macro_rates)
      if (metric.name == name)
        bootstrapped.add(metric, [of = rate](const ConfusionMatrix& m, Times) { return m.macro(of); });
    if (metric.name == "balanced_accuracy")
      bootstrapped.add(metric, [](const ConfusionMatrix& m, Times) { return m.balanced_accuracy(); });
    if (metric.name == "mcc")
      bootstrapped.add(metric, [](const ConfusionMatrix& m, Times) { return m.mcc(); });
    if (metric.name == "macro_auroc") rankings(metric, &Ranking::auroc);
    if (metric.name == "macro_auprc") rankings(metric, &Ranking::average_precision);
  }
}

void bind_calibration(const Prepared& prepared, std::vector<Metric>& metrics, Bootstrapped& bootstrapped) {
  for (Metric& metric : metrics) {
    if (metric.name == "brier" || metric.name == "nll") {
      const std::vector<double>& terms = metric.name == "nll" ? prepared.nll : prepared.brier;
      bootstrapped.add(
          metric, [&terms](const ConfusionMatrix&, Times times) { return Prepared::mean(terms, times); });
    }
  }
}

}  // namespace

Metric proportion_metric(std::string name, std::int64_t part, std::int64_t whole) {
  return {std::move(name), proportion(part, whole), IntervalMethod::wilson, part, whole};
}

std::vector<Metric> rate_metrics(const BinaryCounts& counts) {
  return {proportion_metric("sensitivity", counts.true_positive, counts.positives()),
          proportion_metric("specificity", counts.true_negative, counts.negatives()),
          proportion_metric("ppv", counts.true_positive, counts.predicted_positives()),
          proportion_metric("npv", counts.true_negative, counts.predicted_negatives())};
}

Metric auroc_metric(std::span<const std::uint8_t> positive, std::span<const double> scores) {
  const DeLong result = delong(positive, scores);
  return {"auroc", {result.auroc, result.interval}, IntervalMethod::delong};
}

const char* method_name(IntervalMethod method) {
  switch (method) {
    case IntervalMethod::wilson:
      return "Wilson";
    case IntervalMethod::delong:
      return "DeLong";
    case IntervalMethod::bootstrap:
      return "bootstrap";
    default:
      return "-";
  }
}

std::string why_no_interval(const Metric& metric) {
  if (metric.name != "auroc" || !metric.estimate.value || metric.estimate.interval) return {};
  if (*metric.estimate.value == 1.0 || *metric.estimate.value == 0.0)
    return fmt::format(
        "An AUROC of {:.0f} has no interval here: where every image of one class scores above all of the "
        "other, DeLong's estimate of the variance is 0. That does not make it certain: the fewer the images, "
        "the less it means.",
        *metric.estimate.value);
  return "This AUROC has no interval: DeLong's estimate of the variance is 0 or, with fewer than two images "
         "of a class, there is none.";
}

namespace {

const Metric* find_metric(const std::vector<Metric>& metrics, const std::string& name) {
  const auto found = std::ranges::find(metrics, name, &Metric::name);
  return found == metrics.end() ? nullptr : &*found;
}

}  // namespace

const Metric* ClassMetrics::find(const std::string& name) const {
  return find_metric(metrics, name);
}

const Metric* MetricTable::find(const std::string& name) const {
  return find_metric(metrics, name);
}

MetricTable make_metric_table(const ProbabilityTable& table, std::size_t positive,
                              const BootstrapSettings& settings) {
  const Prepared prepared(table);
  MetricTable result;
  result.images = static_cast<std::int64_t>(table.images());
  result.confusion = prepared.confusion({});
  const ConfusionMatrix& confusion = result.confusion;
  result.metrics.push_back(proportion_metric("accuracy", confusion.correct(), confusion.total()));
  const bool two = table.classes == 2;
  if (two) {
    add_class_metrics(prepared, positive, confusion.against_rest(positive), result.metrics);
  } else {
    add_macro_metrics(result.metrics);
    for (std::size_t c = 0; c < table.classes; ++c) {
      result.classes.push_back({c, confusion.against_rest(c), {}});
      add_class_metrics(prepared, c, result.classes.back().counts, result.classes.back().metrics);
    }
  }
  result.metrics.push_back(bootstrap_metric("brier"));
  result.metrics.push_back({"ece", {expected_calibration_error(table), {}}, IntervalMethod::none});
  result.metrics.push_back(bootstrap_metric("nll"));

  Bootstrapped bootstrapped;  // holds pointers to metrics: none is added from here on
  if (two)
    bind_class_metrics(prepared, positive, result.metrics, bootstrapped);
  else
    bind_macro_metrics(prepared, result.metrics, bootstrapped);
  for (ClassMetrics& one : result.classes)
    bind_class_metrics(prepared, one.positive, one.metrics, bootstrapped);
  bind_calibration(prepared, result.metrics, bootstrapped);
  bootstrapped.run(prepared, settings);
  return result;
}

}  // namespace xr::statistics
