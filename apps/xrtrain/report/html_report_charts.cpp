// The charts of report.html.
#include <cmath>

#include "apps/statistics/roc.h"
#include "apps/xrtrain/report/html_report.h"
#include "apps/xrtrain/report/roc_series.h"

namespace xr::apps {

namespace {

using html::Markup;

html::Series named(const std::string& name) {
  html::Series series;
  series.name = name;
  return series;
}

void add_proportion(html::Series& series, double x, std::int64_t k, std::int64_t n) {
  const statistics::Interval interval = statistics::wilson_interval(k, n);
  series.x.push_back(x);
  series.y.push_back(n > 0 ? static_cast<double>(k) / static_cast<double>(n) : std::nan(""));
  series.low.push_back(interval.low);
  series.high.push_back(interval.high);
}

void add_estimate(html::Series& series, double x, const statistics::Metric* metric) {
  const statistics::Estimate estimate = metric != nullptr ? metric->estimate : statistics::Estimate{};
  series.x.push_back(x);
  series.y.push_back(estimate.value.value_or(std::nan("")));
  series.low.push_back(estimate.interval ? estimate.interval->low : std::nan(""));
  series.high.push_back(estimate.interval ? estimate.interval->high : std::nan(""));
}

/// Accuracy (of several labels the mean AUROC) and mean cross-entropy of each checkpoint on one split.
void add_checkpoints(const HtmlReport& report, const std::string& split, html::LineChart& accuracy,
                     html::LineChart& loss) {
  html::Series accuracies = named(split), losses = named(split);
  accuracies.marks = losses.marks = true;
  for (const CheckpointMetrics& checkpoint : report.details.checkpoints) {
    if (checkpoint.split != split || !checkpoint.metrics) continue;
    const auto epoch = static_cast<double>(checkpoint.epoch);
    if (report.details.labels())
      add_estimate(accuracies, epoch, checkpoint.metrics->find("mean_auroc"));
    else
      add_proportion(accuracies, epoch, checkpoint.metrics->confusion.correct(),
                     checkpoint.metrics->confusion.total());
    const statistics::Metric* nll = checkpoint.metrics->find("nll");
    losses.x.push_back(epoch);
    losses.y.push_back(nll != nullptr ? nll->estimate.value.value_or(std::nan("")) : std::nan(""));
  }
  if (accuracies.x.empty()) return;
  accuracy.series.push_back(accuracies);
  loss.series.push_back(losses);
}

Markup reliability_chart(const SplitPredictions& predictions, std::size_t positive,
                         const HtmlReport& report) {
  const bool two = report.details.two_classes();
  const statistics::Confidence confidence = statistics::confidence_of(predictions.table());
  const std::vector<statistics::ReliabilityBin> bins =
      two ? statistics::reliability(statistics::column_of(predictions.probabilities, 2, positive),
                                    statistics::against_rest(predictions.images->labels, positive))
          : statistics::reliability(confidence.probability, confidence.right);
  html::Series series = named(two ? report.details.class_names[positive] : "predicted class");
  std::vector<std::int64_t> counts;
  for (const statistics::ReliabilityBin& bin : bins) {
    if (bin.images == 0) continue;
    add_proportion(series, *bin.mean_probability(), bin.hits, bin.images);
    counts.push_back(bin.images);
  }
  return html::calibration_chart(
      "Can the probabilities be taken at their word?", series, counts,
      fmt::format("{} images in {} bins of equal width; lines: 95% Wilson intervals.",
                  predictions.images->labels.size(), bins.size()));
}

}  // namespace

Markup report_curves(const HtmlReport& report) {
  html::LineChart accuracy, loss;
  const bool labels = report.details.labels();
  accuracy.title = labels ? "Mean AUROC" : "Accuracy";
  accuracy.x = loss.x = {"epoch, from 0", {}, {}, true, false};
  accuracy.y = {labels ? "mean over labels" : "share of images classified correctly", {}, {}, false, !labels};
  loss.title = "Loss";
  loss.y = {"mean cross-entropy", 0.0, {}, false, false};
  if (!report.history.empty()) {
    html::Series accuracies = named("train"), losses = named("train");
    for (const EpochRecord& record : report.history) {
      if (!labels) accuracies.x.push_back(static_cast<double>(record.epoch));
      losses.x.push_back(static_cast<double>(record.epoch));
      if (!labels) accuracies.y.push_back(record.train_accuracy());
      losses.y.push_back(record.train_loss);
    }
    if (!labels) accuracy.series.push_back(accuracies);
    loss.series.push_back(losses);
  }
  for (const char* split : {"validation", "test"}) add_checkpoints(report, split, accuracy, loss);
  accuracy.lines = {
      {static_cast<double>(report.details.selected.checkpoint),
       fmt::format("checkpoint {:02d}, {}", report.details.selected.checkpoint,
                   report.details.selected.on_validation() ? "selected on validation" : "the last")}};
  accuracy.note = fmt::format(
      "Bands: 95% {} intervals. The training figures are taken with {}{}weights that change within the "
      "epoch.",
      labels ? "bootstrap" : "Wilson",
      report.options.augment == Augmentation::none ? "" : "augmented images, ",
      report.options.dropout > 0.0 ? "dropout and " : "");
  loss.note = "Of the training: as it was minimised, class weights and label smoothing included.";
  return html::columns({html::chart(accuracy), html::chart(loss)});
}

Markup report_roc_and_calibration(const HtmlReport& report, const std::string& split) {
  const EvaluationDetails& details = report.details;
  const SplitPredictions* predictions = report.predictions.find(details.selected.checkpoint, split);
  if (predictions == nullptr || !predictions->finite() || predictions->images->labels.empty()) return {};
  if (details.labels()) return report_label_roc(report, *predictions, split);
  std::vector<html::Series> series;
  for (std::size_t c = 0; c < details.class_names.size(); ++c) {
    if (details.two_classes() && c != details.positive) continue;
    series.push_back(
        roc_series(details.class_names[c], statistics::against_rest(predictions->images->labels, c),
                   statistics::column_of(predictions->probabilities, details.class_names.size(), c),
                   details.two_classes()));
  }
  const std::string note = details.two_classes()
                               ? "Band: 95% Wilson interval of the sensitivity at each threshold, for "
                                 "itself. The area's interval is in the table."
                               : "Each class against the rest.";
  return html::columns({html::roc_chart(fmt::format("ROC on the {} images", split), series, note),
                        reliability_chart(*predictions, details.positive, report)});
}

}  // namespace xr::apps
