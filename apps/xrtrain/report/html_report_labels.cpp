// The results of several labels in report.html.
#include <algorithm>
#include <cmath>

#include "apps/html/table.h"
#include "apps/xrtrain/report/html_report.h"
#include "apps/xrtrain/report/roc_series.h"

namespace xr::apps {

namespace {

using html::Align;
using html::Markup;

constexpr std::size_t curves_in_chart = 5;

std::string estimate_cell(const statistics::Metric* metric) {
  if (metric == nullptr || !metric->estimate.value) return "-";
  std::string text = fmt::format("{:.3f}", *metric->estimate.value);
  if (const auto& interval = metric->estimate.interval)
    text += fmt::format(" ({:.3f} to {:.3f})", interval->low, interval->high);
  return text;
}

/// With the counts of a proportion below it.
Markup metric_cell(const statistics::Metric* metric) {
  Markup cell(estimate_cell(metric));
  if (metric != nullptr && metric->whole > 0)
    cell +=
        Markup::raw("<br/>") + html::element("small", fmt::format("{} of {}", metric->part, metric->whole));
  return cell;
}

/// All known targets of all labels together.
Markup label_reliability(const SplitPredictions& predictions) {
  std::vector<double> probabilities;
  std::vector<std::uint8_t> came_true;
  const std::vector<float>& targets = predictions.images->targets;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (!data::is_known(targets[i])) continue;
    probabilities.push_back(predictions.probabilities[i]);
    came_true.push_back(targets[i] > 0.5f ? 1 : 0);
  }
  html::Series series;
  series.name = "all labels";
  std::vector<std::int64_t> counts;
  for (const statistics::ReliabilityBin& bin : statistics::reliability(probabilities, came_true)) {
    if (bin.images == 0) continue;
    const statistics::Interval interval = statistics::wilson_interval(bin.hits, bin.images);
    series.x.push_back(*bin.mean_probability());
    series.y.push_back(*bin.observed());
    series.low.push_back(interval.low);
    series.high.push_back(interval.high);
    counts.push_back(bin.images);
  }
  return html::calibration_chart(
      "Can the probabilities be taken at their word?", series, counts,
      fmt::format("{} known labels in bins of equal width; lines: 95% Wilson intervals.",
                  probabilities.size()));
}

}  // namespace

std::string label_result_text(const EvaluationDetails& details, const statistics::MetricTable& metrics,
                              const std::string& split) {
  return fmt::format(
      "Checkpoint {:02d}, {}, on {} {} images: mean AUROC {} (95% interval in brackets), mean AUPRC "
      "{}. {}",
      details.selected.checkpoint,
      details.selected.on_validation() ? "selected on the validation images"
                                       : "the last one (there are no validation images)",
      metrics.images, split, estimate_cell(metrics.find("mean_auroc")),
      estimate_cell(metrics.find("mean_auprc")), measured_labels_text(details, metrics));
}

Markup report_label_metrics(const EvaluationDetails& details, const statistics::MetricTable& metrics) {
  static constexpr std::pair<const char*, const char*> columns[] = {
      {"auroc", "AUROC"}, {"auprc", "AUPRC"}, {"sensitivity", "sensitivity"}, {"specificity", "specificity"}};
  std::vector<html::Column> heads{{"label"}, {"positive", Align::right}};
  for (const auto& [key, title] : columns) heads.push_back({title, Align::right});
  heads.push_back({"threshold", Align::right});
  html::Table table(
      heads,
      "95% intervals: DeLong (logit scale) for the AUROC, Wilson for proportions, bootstrap for "
      "the AUPRC and the means");
  for (const statistics::ClassMetrics& one : metrics.classes) {
    std::vector<Markup> row{details.class_names[one.positive],
                            fmt::format("{} of {}", one.counts.positives(), one.counts.total())};
    for (const auto& [key, title] : columns) row.push_back(metric_cell(one.find(key)));
    row.emplace_back(fmt::format("{:.4f}", one.threshold));
    table.row(row);
  }
  std::vector<Markup> mean{"mean", ""};
  for (const auto& [key, title] : columns)
    mean.emplace_back(estimate_cell(metrics.find(std::string("mean_") + key)));
  mean.emplace_back("");
  table.row(mean);
  return table.markup() +
         html::note(fmt::format(
             "A label counts as predicted from its threshold on: {}. \"-\": not defined for these images. Unknown "
             "labels count nowhere. Brier score {}, log loss {}.",
             details.thresholds.empty() ? "0.5, there are no validation images"
                                        : "Youden's index on the validation images",
             estimate_cell(metrics.find("brier")), estimate_cell(metrics.find("nll"))));
}

Markup report_label_roc(const HtmlReport& report, const SplitPredictions& predictions,
                        const std::string& split) {
  std::vector<Markup> charts;
  std::vector<html::Series> series;
  const statistics::LabelTable table = predictions.label_table();
  const auto flush = [&] {
    if (series.empty()) return;
    charts.push_back(html::roc_chart(fmt::format("ROC on the {} images", split), series,
                                     "Each label on the images of which it is known."));
    series.clear();
  };
  for (std::size_t l = 0; l < table.labels; ++l) {
    const statistics::LabelColumn column(table, l);
    html::Series one = roc_series(report.details.class_names[l], column.positive, column.scores, false);
    if (one.x.empty()) continue;
    series.push_back(std::move(one));
    if (series.size() == curves_in_chart) flush();
  }
  flush();
  charts.push_back(label_reliability(predictions));
  return html::columns(charts);
}

}  // namespace xr::apps
