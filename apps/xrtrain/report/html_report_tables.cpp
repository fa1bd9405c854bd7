// The tables of results of report.html.
#include <algorithm>
#include <cctype>
#include <set>

#include "apps/html/table.h"
#include "apps/text/text.h"
#include "apps/xrtrain/report/html_report.h"

namespace xr::apps {

namespace {

using html::Align;
using html::Markup;
using html::Verdict;

std::string number(const std::optional<double>& value) {
  return value ? fmt::format("{:.3f}", *value) : "-";
}

std::string with_interval(const statistics::Estimate& estimate) {
  if (!estimate.value) return "-";
  return estimate.interval ? fmt::format("{:.3f} ({:.3f} to {:.3f})", *estimate.value, estimate.interval->low,
                                         estimate.interval->high)
                           : number(estimate.value);
}

/// The counts of a proportion below it.
Markup with_counts(const statistics::Estimate& estimate, std::int64_t part, std::int64_t whole) {
  if (whole == 0) return with_interval(estimate);
  return Markup(with_interval(estimate)) + Markup::raw("<br/>") +
         html::element("small", fmt::format("{} of {}", part, whole));
}

Markup rate(std::int64_t part, std::int64_t whole) {
  return with_counts(statistics::proportion(part, whole), part, whole);
}

/// "balanced_accuracy" as people write it.
std::string label_of(std::string name) {
  if (name == "brier") return "Brier score";
  static const std::vector<std::string> abbreviations{"ppv",   "npv",   "f1",  "mcc",
                                                      "auroc", "auprc", "ece", "nll"};
  std::string result;
  std::ranges::replace(name, '_', ' ');
  for (std::size_t start = 0; start < name.size();) {
    const std::size_t end = std::min(name.find(' ', start), name.size());
    std::string word = name.substr(start, end - start);
    if (std::ranges::find(abbreviations, word) != abbreviations.end())
      for (char& c : word) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    result += (result.empty() ? "" : " ") + word;
    start = end + 1;
  }
  return result;
}

std::string interval_by(statistics::IntervalMethod method) {
  return method == statistics::IntervalMethod::delong ? "DeLong, logit scale"
                                                      : statistics::method_name(method);
}

/// Each class against the rest.
Markup class_table(const EvaluationDetails& details, const statistics::MetricTable& metrics) {
  html::Table table({{"class against the rest"},
                     {"sensitivity", Align::right},
                     {"specificity", Align::right},
                     {"PPV", Align::right},
                     {"NPV", Align::right},
                     {"AUROC", Align::right}});
  for (const statistics::ClassMetrics& one : metrics.classes) {
    std::vector<Markup> row{details.class_names[one.positive]};
    for (const char* name : {"sensitivity", "specificity", "ppv", "npv", "auroc"}) {
      const auto found = std::ranges::find(one.metrics, name, &statistics::Metric::name);
      row.push_back(found == one.metrics.end() ? Markup("-")
                                               : with_counts(found->estimate, found->part, found->whole));
    }
    table.row(row);
  }
  return table.empty() ? Markup() : table.markup();
}

/// What the tables leave unsaid.
Markup metric_notes(const EvaluationDetails& details, const statistics::MetricTable& metrics) {
  Markup notes;
  if (details.two_classes())
    notes += html::note(
        fmt::format("Sensitivity and predictive values are about {}; \"-\": not defined for these images.",
                    details.class_names[details.positive]));
  else
    notes += html::note(
        "\"-\": not defined for these images, for example a predictive value of a class that is never "
        "predicted; a macro average is the mean over classes and is not defined if one of them is not.");
  notes += html::note(
      "The calibration error (ECE) has no interval: chance alone makes it larger than it is, in resamples of "
      "the images even more.");
  std::set<std::string> reasons;
  const auto add_reasons = [&](const std::vector<statistics::Metric>& of) {
    for (const statistics::Metric& metric : of)
      if (std::string why = statistics::why_no_interval(metric); !why.empty()) reasons.insert(std::move(why));
  };
  add_reasons(metrics.metrics);
  for (const statistics::ClassMetrics& one : metrics.classes) add_reasons(one.metrics);
  for (const std::string& reason : reasons) notes += html::note(reason);
  return notes;
}

}  // namespace

Markup report_metrics(const EvaluationDetails& details, const statistics::MetricTable& metrics,
                      const std::string& split) {
  html::Table table(
      {{"measure"}, {"value (95% interval)", Align::right}, {"of", Align::right}, {"interval by"}});
  for (const statistics::Metric& metric : metrics.metrics)
    table.row({label_of(metric.name), with_interval(metric.estimate),
               metric.whole > 0 ? fmt::format("{} of {}", metric.part, metric.whole) : "",
               statistics::why_no_interval(metric).empty() ? interval_by(metric.method) : "none, see below"});
  std::vector<std::int64_t> counts;
  for (std::size_t label = 0; label < metrics.confusion.classes(); ++label)
    for (std::size_t c = 0; c < metrics.confusion.classes(); ++c)
      counts.push_back(metrics.confusion.at(label, c));
  return html::beside(
             {table.markup(), html::confusion_matrix(details.class_names, counts,
                                                     fmt::format("{} {} images", metrics.images, split))}) +
         class_table(details, metrics) + metric_notes(details, metrics);
}

Markup report_thresholds(const EvaluationDetails& details) {
  Markup result, warnings;
  std::vector<html::Column> heads{{"selected on validation by"},
                                  {"threshold", Align::right},
                                  {"validation sensitivity", Align::right},
                                  {"validation specificity", Align::right},
                                  {"test sensitivity", Align::right},
                                  {"test specificity", Align::right}};
  if (details.labels()) heads.insert(heads.begin(), {"label"});
  html::Table table(heads);
  for (const OperatingPoint& point : details.thresholds) {
    std::vector<Markup> row{point.wanted ? fmt::format("sensitivity of {} or more", number(point.wanted))
                                         : std::string("sensitivity + specificity (Youden)"),
                            number(point.threshold)};
    for (const std::optional<statistics::BinaryCounts>& counts : {point.validation, point.test}) {
      row.push_back(counts ? rate(counts->true_positive, counts->positives()) : Markup("-"));
      row.push_back(counts ? rate(counts->true_negative, counts->negatives()) : Markup("-"));
    }
    if (point.label) row.insert(row.begin(), details.class_names[*point.label]);
    table.row(row);
    if (!point.wanted || !point.test || point.test->positives() == 0) continue;
    const statistics::Interval interval =
        statistics::wilson_interval(point.test->true_positive, point.test->positives());
    if (interval.high < *point.wanted)
      warnings += html::callout(
          Verdict::warning,
          fmt::format("{}The wanted sensitivity of {} is missed on the test images",
                      point.label ? details.class_names[*point.label] + ": " : "", number(point.wanted)),
          html::paragraph(fmt::format(
              "There it is {} of {}, and its interval ends at {:.3f}: a threshold selected on few validation "
              "images need not hold for others.",
              point.test->true_positive, point.test->positives(), interval.high)));
  }
  if (!table.empty()) result += table.markup() + warnings;
  if (!table.empty())
    result += html::note(
        "A wanted sensitivity is reached on the validation images; on others it comes out as it may. The "
        "validation columns are optimistic: these thresholds were selected by them.");
  if (details.temperature && details.temperature->temperature) {
    const CalibrationFigures &before = details.temperature->test_before,
                             &after = details.temperature->test_after;
    result += html::paragraph(fmt::format(
        "Temperature scaling fitted on validation: T = {}; on test log loss {} before, {} after; ECE {} "
        "before, {} after.",
        number(details.temperature->temperature), number(before.nll), number(after.nll), number(before.ece),
        number(after.ece)));
  } else if (details.temperature) {
    result +=
        html::paragraph("Temperature: none, the validation images have no best one (all right, or chance).");
  }
  return result;
}

Markup report_subgroups(const EvaluationDetails& details) {
  Markup result;
  for (const SubgroupTable& group_table : details.subgroups) {
    std::vector<html::Column> columns{
        {group_table.column}, {"images", Align::right}, {"accuracy", Align::right}};
    if (details.two_classes())
      for (const char* name : {"sensitivity", "specificity", "AUROC"})
        columns.push_back({name, Align::right});
    if (details.labels()) columns.push_back({"mean AUROC", Align::right});
    html::Table table(columns, "by " + group_table.column);
    for (const Subgroup& group : group_table.groups) {
      std::vector<Markup> row{group.value, fmt::format("{}", group.images),
                              with_interval(group.accuracy.estimate)};
      if (details.two_classes())
        for (const SubgroupRate& one : {group.sensitivity, group.specificity, group.auroc})
          row.emplace_back(with_interval(one.estimate));
      if (details.labels()) row.emplace_back(with_interval(group.auroc.estimate));
      table.row(row);
    }
    result += table.markup();
  }
  if (!result.empty())
    result += html::note(fmt::format(
        "\"-\": fewer than {} images{}.", min_subgroup,
        details.two_classes() ? " (of sensitivity and specificity: of their class, of the AUROC: of each)"
                              : ""));
  return result;
}

}  // namespace xr::apps
