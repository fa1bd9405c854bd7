// All metrics of one set of predictions, with their intervals.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/statistics/bootstrap.h"
#include "apps/statistics/calibration.h"
#include "apps/statistics/confusion.h"

namespace xr::statistics {

enum class IntervalMethod : std::uint8_t { none, wilson, delong, bootstrap };
/// "Wilson", "DeLong", "bootstrap", or "-" for none.
[[nodiscard]] const char* method_name(IntervalMethod method);

struct Metric {
  std::string name;  ///< as in JSON: "sensitivity", "auroc", "macro_f1"
  Estimate estimate;
  IntervalMethod method = IntervalMethod::none;
  std::int64_t part = 0, whole = 0;  ///< of a proportion: 48 of 50; 0 of 0 for others
};

/// part / whole with its Wilson interval.
[[nodiscard]] Metric proportion_metric(std::string name, std::int64_t part, std::int64_t whole);
/// Sensitivity, specificity, PPV and NPV.
[[nodiscard]] std::vector<Metric> rate_metrics(const BinaryCounts& counts);
/// "auroc", with DeLong's interval.
[[nodiscard]] Metric auroc_metric(std::span<const std::uint8_t> positive, std::span<const double> scores);

/// A sentence for people where an AUROC has no interval; empty for others and with one.
[[nodiscard]] std::string why_no_interval(const Metric& metric);

/// One class against the rest.
struct ClassMetrics {
  std::size_t positive = 0;
  BinaryCounts counts;
  std::vector<Metric> metrics;
  double threshold = 0.5;  ///< of a label (label_metrics.h)

  /// The metric of that name, or nullptr.
  [[nodiscard]] const Metric* find(const std::string& name) const;
};

/// accuracy and calibration of all classes together; with two classes the rates of the positive class beside
/// them, with more their macro averages (the mean over classes, undefined if one is) and each class against
/// the rest in `classes`. Images are predicted as the class of largest probability.
struct MetricTable {
  std::int64_t images = 0;
  ConfusionMatrix confusion{0};
  std::vector<Metric> metrics;
  std::vector<ClassMetrics> classes;  ///< empty for two classes

  /// The metric of that name, or nullptr.
  [[nodiscard]] const Metric* find(const std::string& name) const;
};

/// Names: accuracy, balanced_accuracy, sensitivity, specificity, ppv, npv, f1, mcc, auroc, auprc, brier, ece,
/// nll; with more than two classes macro_sensitivity and so on. Wilson intervals for accuracy, sensitivity,
/// specificity, ppv and npv, DeLong's for auroc, none for ece, stratified bootstrap
/// percentiles for the rest. ECE: chance keeps a bin's accuracy off its confidence, in resamples even more,
/// so that their quantiles lie above the error of a calibrated network. `positive`: class index of a
/// two-class problem's positive class.
[[nodiscard]] MetricTable make_metric_table(const ProbabilityTable& table, std::size_t positive,
                                            const BootstrapSettings& settings = {});

}  // namespace xr::statistics
