// The metrics of the checkpoint to use, as lines for people.
#include <algorithm>
#include <map>

#include "apps/text/text.h"
#include "apps/xrtrain/evaluation/evaluation_details.h"
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

void tell_metrics(const std::vector<statistics::Metric>& metrics, Console& console) {
  for (const statistics::Metric& metric : metrics) {
    const std::string method = metric.method == statistics::IntervalMethod::wilson
                                   ? fmt::format("{} of {}", metric.part, metric.whole)
                                   : statistics::method_name(metric.method);
    console.line(fmt::format("  {:<18} {:>7}  {:<13} {}", title_of(metric.name),
                             value_text(metric.estimate.value), interval_text(metric.estimate.interval),
                             method));
  }
  for (const statistics::Metric& metric : metrics)
    if (const std::string why = statistics::why_no_interval(metric); !why.empty()) console.line("  " + why);
}

void tell_classes(const statistics::MetricTable& table, const std::vector<std::string>& names,
                  Console& console) {
  if (table.classes.empty()) return;
  console.line("  One class against the rest:");
  for (const statistics::ClassMetrics& one : table.classes) {
    std::string line = fmt::format("    {}:", text::one_line(names[one.positive]));
    for (const statistics::Metric& metric : one.metrics)
      if (metric.name == "sensitivity" || metric.name == "specificity" || metric.name == "auroc")
        line += fmt::format(" {} {} ({})", title_of(metric.name), value_text(metric.estimate.value),
                            interval_text(metric.estimate.interval));
    console.line(line);
  }
}

void tell_confusion(const statistics::ConfusionMatrix& confusion, const std::vector<std::string>& names,
                    Console& console) {
  console.line("  Confusion matrix, rows: what the images are, columns: what they were taken for");
  std::size_t width = 6;
  for (const std::string& name : names) width = std::max(width, text::one_line(name).size());
  std::string head(width + 4, ' ');
  for (const std::string& name : names) head += fmt::format("  {:>{}}", text::one_line(name), width);
  console.line(head);
  for (std::size_t label = 0; label < names.size(); ++label) {
    std::string line = fmt::format("    {:<{}}", text::one_line(names[label]), width);
    for (std::size_t predicted = 0; predicted < names.size(); ++predicted)
      line += fmt::format("  {:>{}}", confusion.at(label, predicted), width);
    console.line(line);
  }
}

std::string proportion_text(std::int64_t part, std::int64_t whole) {
  const statistics::Estimate estimate = statistics::proportion(part, whole);
  return fmt::format("{} ({}; {} of {})", value_text(estimate.value), interval_text(estimate.interval), part,
                     whole);
}

const char* validation_name(const EvaluationDetails& details) {
  return (details.selected.on == SelectedOn::run_validation) ? "the run's own validation images"
                                                             : "validation";
}

/// "Checkpoint 07, chosen on validation", or what was averaged.
std::string subject_text(const EvaluationDetails& details) {
  const Averaging& averaging = details.averaging;
  if (averaging.is_ensemble())
    return fmt::format("Ensemble of {} networks, mean of their probabilities{}", averaging.members.size(),
                       averaging.views_text());
  const std::string why = details.selected.on_validation()
                              ? fmt::format("chosen on {}", validation_name(details))
                          : details.selected.on == SelectedOn::command_line ? "given by --checkpoint"
                                                                            : "the last";
  return fmt::format("Checkpoint {:02d}, {}{}", details.selected.checkpoint, why, averaging.views_text());
}

std::string rates_text(const statistics::BinaryCounts& counts) {
  return fmt::format("sensitivity {}, specificity {}",
                     proportion_text(counts.true_positive, counts.positives()),
                     proportion_text(counts.true_negative, counts.negatives()));
}

void tell_thresholds(const EvaluationDetails& details, Console& console) {
  if (details.thresholds.empty()) return;
  if (details.labels())
    return console.line(fmt::format(
        "  Thresholds chosen on {}: Youden's index above; each label's others in metrics.json and report.html",
        validation_name(details)));
  console.line(fmt::format("  Thresholds chosen on {}, used on test: {} from this probability on",
                           validation_name(details), text::one_line(details.class_names[details.positive])));
  for (const OperatingPoint& point : details.thresholds) {
    const std::string name =
        point.wanted ? fmt::format("sensitivity {:g} wanted on validation", *point.wanted) : "Youden's index";
    if (!point.threshold) {
      console.line(fmt::format("    {}: -, for the validation images are of one class", name));
      continue;
    }
    console.line(fmt::format("    {}: {:.4f}{}", name, *point.threshold,
                             point.tells_nothing()
                                 ? ", which tells the classes apart no better than guessing "
                                   "does on validation"
                                 : ""));
    if (point.validation) console.line(fmt::format("      validation: {}", rates_text(*point.validation)));
    if (point.test) console.line(fmt::format("      test: {}", rates_text(*point.test)));
    if (point.misses_wanted().value_or(false))
      console.warn(
          warning_id::sensitivity_missed,
          fmt::format(
              "a sensitivity of {:g} was wanted, but the threshold that was chosen for it gives {} on the test "
              "images: the whole interval lies below",
              *point.wanted, proportion_text(point.test->true_positive, point.test->positives())));
  }
}

void tell_temperature(const EvaluationDetails& details, Console& console) {
  if (!details.temperature) return;
  const TemperatureScaling& scaling = *details.temperature;
  if (!scaling.temperature)
    return console.line("  Temperature: -, the validation images have no best one (all right, or chance)");
  console.line(
      fmt::format("  Temperature fitted on {}: {:.3f}; with it log loss on test {} instead of {}, ECE {} "
                  "instead of {}, Brier score {} instead of {}",
                  validation_name(details), *scaling.temperature, value_text(scaling.test_after.nll),
                  value_text(scaling.test_before.nll), value_text(scaling.test_after.ece),
                  value_text(scaling.test_before.ece), value_text(scaling.test_after.brier),
                  value_text(scaling.test_before.brier)));
  if (scaling.test_before.nll && scaling.test_after.nll && *scaling.test_after.nll > *scaling.test_before.nll)
    console.line("    On the test images it makes the probabilities worse, not better");
}

std::string rate_text(const char* name, const SubgroupRate& rate) {
  if (!rate.estimate.value) return fmt::format(", {} -", name);
  return fmt::format(", {} {} ({})", name, value_text(rate.estimate.value),
                     interval_text(rate.estimate.interval));
}

void tell_subgroups(const EvaluationDetails& details, Console& console) {
  if (details.subgroups.empty()) return;
  console.line(fmt::format("  Groups of {} (- where there are fewer than {} images to tell from):",
                           text::one_line(details.subgroup_file), min_subgroup));
  for (const SubgroupTable& table : details.subgroups) {
    console.line(fmt::format("    {}", text::one_line(table.column)));
    for (const Subgroup& group : table.groups) {
      std::string line = fmt::format("      {}: {} image{}{}", text::one_line(group.value), group.images,
                                     group.images == 1 ? "" : "s", rate_text("accuracy", group.accuracy));
      if (details.two_classes())
        line += rate_text("sensitivity", group.sensitivity) + rate_text("specificity", group.specificity) +
                rate_text("AUROC", group.auroc);
      if (details.labels()) line += rate_text("mean AUROC", group.auroc);
      console.line(line);
    }
  }
  for (const std::string& column : details.subgroups_left_out)
    console.line(fmt::format("    left out {}, more than {}", column, max_subgroups));
}

}  // namespace

std::string guessing_text(const EvaluationDetails& details, const statistics::MetricTable& table) {
  std::size_t largest = 0;
  const auto images_of = [&](std::size_t label) {
    std::int64_t count = 0;
    for (std::size_t c = 0; c < details.class_names.size(); ++c) count += table.confusion.at(label, c);
    return count;
  };
  for (std::size_t c = 1; c < details.class_names.size(); ++c)
    if (images_of(c) > images_of(largest)) largest = c;
  return fmt::format("Whoever always says {} is right on {} of {}, {:.4f}",
                     text::one_line(details.class_names[largest]), images_of(largest), table.images,
                     static_cast<double>(images_of(largest)) / static_cast<double>(table.images));
}

std::string independence_text(const EvaluationDetails& details, std::int64_t images) {
  if (!details.test_patients)
    return "Intervals take the images as independent; images of one patient are not, and make them too "
           "narrow.";
  if (*details.test_patients == images)
    return "Intervals take the images as independent: each is of another patient.";
  return fmt::format(
      "Intervals take the images as independent, but the {} test images are of {} patients: they are too "
      "narrow.",
      images, *details.test_patients);
}

std::string optimism_text(const EvaluationDetails& details) {
  if (!details.selected.on_validation() || (details.selected.on == SelectedOn::run_validation)) return {};
  return fmt::format("The validation figures of this checkpoint{} are optimistic, for it was chosen by them.",
                     details.thresholds.empty() ? "" : ", and at these thresholds,");
}

void tell_details(const EvaluationDetails& details, Console& console) {
  for (const CheckpointMetrics& one : details.checkpoints)
    if (!one.metrics)
      console.warn(
          warning_id::checkpoint_not_finite,
          fmt::format("checkpoint {:02d} gives no finite numbers for some {} images: its metrics are "
                      "left out",
                      one.epoch, one.split));
  const statistics::MetricTable* table = details.find(details.selected.checkpoint, "test");
  if (table == nullptr) return;
  if (details.two_classes())
    console.line(fmt::format("Positive class: {}{}", text::one_line(details.class_names[details.positive]),
                             details.positive_given ? "" : " (--positive takes another)"));
  console.line(
      fmt::format("{}, on {} test images, with 95 % intervals:", subject_text(details), table->images));
  if (details.labels()) {
    tell_label_metrics(details, *table, console);
  } else {
    tell_metrics(table->metrics, console);
    console.line("  " + guessing_text(details, *table));
    tell_classes(*table, details.class_names, console);
    tell_confusion(table->confusion, details.class_names, console);
  }
  tell_thresholds(details, console);
  tell_temperature(details, console);
  tell_subgroups(details, console);
  console.line("  " + independence_text(details, table->images));
  if (const std::string text = optimism_text(details); !text.empty()) console.line("  " + text);
}

void tell_optimism(const EvaluationDetails& details, Console& console) {
  const statistics::SelectionOptimism& selection = details.selection;
  if (!selection.apparent || details.candidates < 2) return;
  const char* const of_each = details.labels() ? "with and without each label" : "of each class";
  if (!selection.optimism)
    return console.line(
        fmt::format("  By how much it flatters: too few images to estimate, it takes at least {} {}",
                    statistics::min_images_to_correct, of_each));
  const std::string much = *selection.optimism < 0.0005
                               ? "It does not flatter by anything that can be measured here"
                               : fmt::format("It flatters by about {:.3f}", *selection.optimism);
  if (details.labels())
    return console.line(fmt::format(
        "  {}: on images that a choice does not see, the best of {} checkpoints has a mean AUROC of {:.3f} ({} "
        "bootstrap choices)",
        much, details.candidates, *selection.corrected, selection.resamples));
  console.line(fmt::format(
      "  {}: the best of {} checkpoints is right on {:.3f} of the images that a choice does not see ({} "
      "bootstrap choices)",
      much, details.candidates, *selection.corrected, selection.resamples));
}

}  // namespace xr::apps
