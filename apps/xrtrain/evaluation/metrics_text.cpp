// The metrics of the checkpoint to use, as lines for people.
#include <algorithm>
#include <map>

#include "apps/text/text.h"
#include "apps/xrtrain/evaluation/evaluation_details.h"
#include "apps/xrtrain/evaluation/result_summary.h"
#include "apps/xrtrain/warning_id.h"

namespace xr::apps {

namespace {

std::string value_text(const std::optional<double>& value) {
  return value ? fmt::format("{:.4f}", *value) : "-";
}

std::string interval_text(const std::optional<statistics::Interval>& interval) {
  return interval ? fmt::format("{:.3f}-{:.3f}", interval->low, interval->high) : "-";
}

std::string title_of(const std::string& name) {
  static const std::map<std::string, std::string> titles = {
      {"ppv", "PPV"},     {"npv", "NPV"},           {"f1", "F1"},   {"mcc", "MCC"},     {"auroc", "AUROC"},
      {"auprc", "AUPRC"}, {"brier", "Brier score"}, {"ece", "ECE"}, {"nll", "log loss"}};
  std::string prefix, rest = name;
  if (rest.starts_with("macro_")) {
    prefix = "macro ";
    rest = rest.substr(6);
  }
  const auto found = titles.find(rest);
  if (found != titles.end()) return prefix + found->second;
  std::ranges::replace(rest, '_', ' ');
  return prefix + rest;
}

void print_metrics(const std::vector<statistics::Metric>& metrics, Console& console) {
  for (const statistics::Metric& metric : metrics) {
    const std::string method = metric.method == statistics::IntervalMethod::wilson
                                   ? fmt::format("{}/{}", metric.part, metric.whole)
                                   : statistics::method_name(metric.method);
    console.detail(fmt::format("  {:<18} {:>7}  {:<13} {}", title_of(metric.name),
                               value_text(metric.estimate.value), interval_text(metric.estimate.interval),
                               method));
  }
  for (const statistics::Metric& metric : metrics)
    if (const std::string why = statistics::why_no_interval(metric); !why.empty()) console.detail("  " + why);
}

void print_classes(const statistics::MetricTable& table, const std::vector<std::string>& names,
                   Console& console) {
  if (table.classes.empty()) return;
  console.detail("  One class against the rest:");
  for (const statistics::ClassMetrics& one : table.classes) {
    std::string line = fmt::format("    {}:", text::one_line(names[one.positive]));
    for (const statistics::Metric& metric : one.metrics)
      if (metric.name == "sensitivity" || metric.name == "specificity" || metric.name == "auroc")
        line += fmt::format(" {} {} ({})", title_of(metric.name), value_text(metric.estimate.value),
                            interval_text(metric.estimate.interval));
    console.detail(line);
  }
}

void print_confusion(const statistics::ConfusionMatrix& confusion, const std::vector<std::string>& names,
                     Console& console) {
  console.detail("  Confusion matrix, rows: true class, columns: predicted class");
  std::size_t width = 6;
  for (const std::string& name : names) width = std::max(width, text::one_line(name).size());
  std::string head(width + 4, ' ');
  for (const std::string& name : names) head += fmt::format("  {:>{}}", text::one_line(name), width);
  console.detail(head);
  for (std::size_t label = 0; label < names.size(); ++label) {
    std::string line = fmt::format("    {:<{}}", text::one_line(names[label]), width);
    for (std::size_t predicted = 0; predicted < names.size(); ++predicted)
      line += fmt::format("  {:>{}}", confusion.at(label, predicted), width);
    console.detail(line);
  }
}

std::string rates_text(const statistics::BinaryCounts& counts) {
  return fmt::format("sensitivity {}, specificity {}",
                     proportion_text(counts.true_positive, counts.positives()),
                     proportion_text(counts.true_negative, counts.negatives()));
}

void print_thresholds(const EvaluationDetails& details, Console& console) {
  if (details.thresholds.empty()) return;
  if (details.labels())
    return console.detail(fmt::format(
        "  Thresholds selected on {}: Youden's index above; others in metrics.json and report.html",
        validation_name(details)));
  console.detail(fmt::format("  Thresholds selected on {}, applied to test: {} at or above this probability",
                             validation_name(details),
                             text::one_line(details.class_names[details.positive])));
  for (const OperatingPoint& point : details.thresholds) {
    const std::string name =
        point.wanted ? fmt::format("target sensitivity {:g} on validation", *point.wanted) : "Youden's index";
    if (!point.threshold) {
      console.detail(fmt::format("    {}: -, the validation images are of one class", name));
      continue;
    }
    console.detail(fmt::format("    {}: {:.4f}{}", name, *point.threshold,
                               point.tells_nothing() ? " (no better than chance on validation)" : ""));
    if (point.validation) console.detail(fmt::format("      validation: {}", rates_text(*point.validation)));
    if (point.test) console.detail(fmt::format("      test: {}", rates_text(*point.test)));
    if (point.misses_wanted().value_or(false))
      console.warn(
          warning_id::sensitivity_missed,
          fmt::format(
              "threshold {:.4f} misses its target sensitivity {:g}: test sensitivity {}; do not rely on it, more "
              "validation images are needed",
              *point.threshold, *point.wanted,
              proportion_text(point.test->true_positive, point.test->positives())));
  }
}

void print_temperature(const EvaluationDetails& details, Console& console) {
  if (!details.temperature) return;
  const TemperatureScaling& scaling = *details.temperature;
  if (!scaling.temperature)
    return console.detail(
        "  Temperature: -, not defined on these validation images (all correct, or at chance)");
  console.detail(fmt::format(
      "  Temperature fitted on {}: {:.3f}; on test with and without it: log loss {} and {}, ECE {} and {}, "
      "Brier score {} and {}",
      validation_name(details), *scaling.temperature, value_text(scaling.test_after.nll),
      value_text(scaling.test_before.nll), value_text(scaling.test_after.ece),
      value_text(scaling.test_before.ece), value_text(scaling.test_after.brier),
      value_text(scaling.test_before.brier)));
  if (scaling.test_before.nll && scaling.test_after.nll && *scaling.test_after.nll > *scaling.test_before.nll)
    console.detail("    On the test images it makes the probabilities worse");
}

std::string rate_text(const char* name, const SubgroupRate& rate) {
  if (!rate.estimate.value) return fmt::format(", {} -", name);
  return fmt::format(", {} {} ({})", name, value_text(rate.estimate.value),
                     interval_text(rate.estimate.interval));
}

void print_subgroups(const EvaluationDetails& details, Console& console) {
  if (details.subgroups.empty()) return;
  console.detail(fmt::format("  Subgroups of {} (- below {} images):", text::one_line(details.subgroup_file),
                             min_subgroup));
  for (const SubgroupTable& table : details.subgroups) {
    console.detail(fmt::format("    {}", text::one_line(table.column)));
    for (const Subgroup& group : table.groups) {
      std::string line = fmt::format("      {}: {} image{}{}", text::one_line(group.value), group.images,
                                     group.images == 1 ? "" : "s", rate_text("accuracy", group.accuracy));
      if (details.two_classes())
        line += rate_text("sensitivity", group.sensitivity) + rate_text("specificity", group.specificity) +
                rate_text("AUROC", group.auroc);
      if (details.labels()) line += rate_text("mean AUROC", group.auroc);
      console.detail(line);
    }
  }
  for (const std::string& column : details.subgroups_left_out)
    console.detail(fmt::format("    skipped {}: more than {} groups", column, max_subgroups));
}

}  // namespace

std::string baseline_text(const EvaluationDetails& details, const statistics::MetricTable& table) {
  std::size_t largest = 0;
  const auto images_of = [&](std::size_t label) {
    std::int64_t count = 0;
    for (std::size_t c = 0; c < details.class_names.size(); ++c) count += table.confusion.at(label, c);
    return count;
  };
  for (std::size_t c = 1; c < details.class_names.size(); ++c)
    if (images_of(c) > images_of(largest)) largest = c;
  std::int64_t right = 0;
  for (std::size_t c = 0; c < details.class_names.size(); ++c) right += table.confusion.at(c, c);
  return fmt::format("majority-class baseline ({}): {:.3f} ({}/{}){}",
                     text::one_line(details.class_names[largest]),
                     static_cast<double>(images_of(largest)) / static_cast<double>(table.images),
                     images_of(largest), table.images,
                     right < images_of(largest)    ? "; the accuracy is below it"
                     : right == images_of(largest) ? "; the accuracy is no better"
                                                   : "");
}

std::string independence_text(const EvaluationDetails& details, std::int64_t images) {
  if (!details.test_patients)
    return "Intervals assume independent images; several images of one patient make them too narrow.";
  if (*details.test_patients == images)
    return "Intervals assume independent images: each is of another patient.";
  return fmt::format(
      "Intervals assume independent images, but the {} test images are of {} patients: they are too narrow.",
      images, *details.test_patients);
}

std::string optimism_text(const EvaluationDetails& details) {
  if (!details.selected.on_validation() || (details.selected.on == SelectedOn::run_validation)) return {};
  return fmt::format("The validation figures of this checkpoint{} are optimistic: it was selected by them.",
                     details.thresholds.empty() ? "" : ", and at these thresholds,");
}

void print_details(const EvaluationDetails& details, Console& console) {
  for (const CheckpointMetrics& one : details.checkpoints)
    if (!one.metrics)
      console.warn(
          warning_id::checkpoint_not_finite,
          fmt::format("checkpoint {:02d} gives no finite numbers for some {} images: its metrics are skipped",
                      one.epoch, one.split));
  const statistics::MetricTable* table = details.find(details.selected.checkpoint, "test");
  if (table == nullptr) return;
  if (details.two_classes())
    console.detail(fmt::format("Positive class: {}{}", text::one_line(details.class_names[details.positive]),
                               details.positive_given ? "" : " (change: --positive)"));
  console.detail(fmt::format("{}, {} test images, 95% CIs:", subject_text(details), table->images));
  if (details.labels()) {
    print_label_metrics(details, *table, console);
  } else {
    print_metrics(table->metrics, console);
    console.detail("  " + baseline_text(details, *table));
    print_classes(*table, details.class_names, console);
    print_confusion(table->confusion, details.class_names, console);
  }
  print_thresholds(details, console);
  print_temperature(details, console);
  print_subgroups(details, console);
  console.detail("  " + independence_text(details, table->images));
  if (const std::string text = optimism_text(details); !text.empty()) console.detail("  " + text);
}

}  // namespace xr::apps
