// The metrics of several labels, as lines for people.
#include <algorithm>

#include "apps/text/text.h"
#include "apps/xrtrain/evaluation/evaluation_details.h"

namespace xr::apps {

namespace {

constexpr std::pair<const char*, const char*> label_columns[] = {
    {"auroc", "AUROC"}, {"auprc", "AUPRC"}, {"sensitivity", "sensitivity"}, {"specificity", "specificity"}};

std::string label_estimate_text(const statistics::Metric* metric) {
  if (metric == nullptr || !metric->estimate.value) return "-";
  std::string text = fmt::format("{:.3f}", *metric->estimate.value);
  if (const auto& interval = metric->estimate.interval)
    text += fmt::format(" ({:.3f}-{:.3f})", interval->low, interval->high);
  return text;
}

}  // namespace

std::string measured_labels_text(const EvaluationDetails& details, const statistics::MetricTable& table) {
  std::string others;
  std::size_t measured = 0;
  for (const statistics::ClassMetrics& one : table.classes) {
    if (statistics::is_measured(one))
      ++measured;
    else
      others += (others.empty() ? "" : ", ") + text::one_line(details.class_names[one.positive]);
  }
  if (others.empty()) return fmt::format("Means over {} labels.", measured);
  return fmt::format(
      "Means over {} of {} labels; not measured, because all images have the label or none has: {}.",
      measured, table.classes.size(), others);
}

void print_label_metrics(const EvaluationDetails& details, const statistics::MetricTable& table,
                         Console& console) {
  std::size_t width = 5;
  for (const std::string& name : details.class_names) width = std::max(width, text::one_line(name).size());
  std::string head = fmt::format("  {:<{}}  {:>11}", "label", width, "positive");
  for (const auto& [key, title] : label_columns) head += fmt::format("  {:<19}", title);
  console.detail(head + "  threshold");
  for (const statistics::ClassMetrics& one : table.classes) {
    std::string line = fmt::format("  {:<{}}  {:>11}", text::one_line(details.class_names[one.positive]),
                                   width, fmt::format("{}/{}", one.counts.positives(), one.counts.total()));
    for (const auto& [key, title] : label_columns)
      line += fmt::format("  {:<19}", label_estimate_text(one.find(key)));
    console.detail(line + fmt::format("  {:.4f}", one.threshold));
  }
  std::string line = fmt::format("  {:<{}}  {:>11}", "mean", width, "");
  for (const auto& [key, title] : label_columns)
    line += fmt::format("  {:<19}", label_estimate_text(table.find(std::string("mean_") + key)));
  console.detail(line);
  console.detail("  " + measured_labels_text(details, table));
}

}  // namespace xr::apps
