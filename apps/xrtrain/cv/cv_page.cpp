#include "apps/xrtrain/cv/cv_page.h"

#include <fmt/core.h>

#include "apps/html/chart.h"
#include "apps/html/page.h"
#include "apps/html/table.h"
#include "apps/statistics/roc.h"
#include "apps/xrtrain/report/roc_series.h"

namespace xr::apps {

namespace {

using html::Align;

constexpr std::size_t max_curves = 6;

std::string cell_of(const std::optional<double>& value) {
  return value ? fmt::format("{:.3f}", *value) : "-";
}

std::string cell_of(const statistics::Estimate& estimate) {
  if (!estimate.interval) return cell_of(estimate.value);
  return fmt::format("{} ({:.3f}-{:.3f})", cell_of(estimate.value), estimate.interval->low,
                     estimate.interval->high);
}

void add_row(html::Table& table, const std::string& name, const CvScore& score) {
  table.row({name, fmt::format("{} of {}", score.correct, score.images), cell_of(score.accuracy),
             cell_of(score.auroc)});
}

std::vector<html::Column> score_columns(const char* first) {
  return {{first},
          {"right", Align::right},
          {"accuracy (95% interval)", Align::right},
          {"AUROC (95% interval)", Align::right}};
}

void add_result(html::Page& page, const CvSummary& summary) {
  page.section("Result");
  const std::size_t repeats = summary.repeats.size();
  page.paragraph(fmt::format(
      "Every image was told apart by a network that was not trained on it: accuracy {}, AUROC {}{}.",
      cell_of(summary.accuracy), cell_of(summary.auroc),
      repeats > 1 ? fmt::format(" (means of {} repeats)", repeats) : std::string()));
  html::Table table(score_columns("all folds of"));
  for (std::size_t r = 0; r < repeats; ++r)
    add_row(table, fmt::format("repeat {}", r + 1), summary.repeats[r].pooled);
  page.add(table.markup());
  page.add(html::facts({{"standard deviation over repeats",
                         fmt::format("accuracy {}, AUROC {}", cell_of(summary.accuracy_deviation_of_repeats),
                                     cell_of(summary.auroc_deviation_of_repeats))},
                        {"standard deviation over folds",
                         fmt::format("accuracy {}, AUROC {}", cell_of(summary.accuracy_deviation_of_folds),
                                     cell_of(summary.auroc_deviation_of_folds))}}));
  page.note(
      "Repeats have other folds and other initial weights. They add no patients: the intervals are "
      "those of one repeat (Wilson for the accuracy, DeLong on the logit scale for the AUROC). They take "
      "images as independent, though images of one patient are not and the folds' networks share training "
      "images.");
}

/// Of each repeat the pooled scores of one class.
html::Markup roc_of(const CvSummary& summary, const std::vector<FoldPredictions>& folds,
                    std::size_t positive) {
  const std::size_t classes = summary.class_names.size();
  const std::size_t curves = std::min(max_curves, summary.repeats.size());
  std::vector<html::Series> series;
  for (std::size_t r = 0; r < curves; ++r) {
    std::vector<double> scores;
    std::vector<std::uint8_t> truth;
    for (const FoldPredictions& fold : folds) {
      if (fold.repeat != static_cast<std::int64_t>(r) + 1) continue;
      const std::vector<double> column = statistics::column_of(fold.probabilities, classes, positive);
      scores.insert(scores.end(), column.begin(), column.end());
      const std::vector<std::uint8_t> flags = statistics::against_rest(fold.labels, positive);
      truth.insert(truth.end(), flags.begin(), flags.end());
    }
    series.push_back(roc_series(fmt::format("repeat {}", r + 1), truth, scores, curves == 1));
  }
  std::string note =
      "All folds of a repeat together, which takes the scores of their networks as comparable.";
  if (curves == 1) note += " Band: 95% Wilson interval of the sensitivity at each threshold, for itself.";
  if (curves < summary.repeats.size())
    note += fmt::format(" The first {} of {} repeats.", curves, summary.repeats.size());
  return html::roc_chart(fmt::format("ROC of {}", summary.class_names[positive]), series, note);
}

/// Of each label the pooled AUROC of every repeat.
html::Markup label_table(const CvSummary& summary) {
  std::vector<html::Column> columns{{"label"}};
  for (std::size_t r = 0; r < summary.repeats.size(); ++r)
    columns.push_back({fmt::format("repeat {}: AUROC (95% interval)", r + 1), Align::right});
  html::Table table(columns, "All folds of a repeat together; DeLong's interval");
  for (std::size_t l = 0; l < summary.class_names.size(); ++l) {
    std::vector<html::Markup> row{summary.class_names[l]};
    for (const CvRepeat& repeat : summary.repeats) row.emplace_back(cell_of(repeat.pooled.label_aurocs[l]));
    table.row(row);
  }
  return table.markup();
}

html::Markup accuracy_of_folds(const CvSummary& summary, std::size_t repeat) {
  html::BarChart chart;
  chart.title = fmt::format("Accuracy of the folds, repeat {}", repeat + 1);
  chart.axis = {"share of images classified correctly", 0.0, 1.0, false, true};
  const std::vector<CvScore>& folds = summary.repeats[repeat].folds;
  for (std::size_t f = 0; f < folds.size(); ++f) {
    html::Bar bar;
    bar.name = fmt::format("fold {}", f + 1);
    bar.value = folds[f].accuracy.value.value_or(0);
    if (folds[f].accuracy.interval) {
      bar.low = folds[f].accuracy.interval->low;
      bar.high = folds[f].accuracy.interval->high;
    }
    bar.text = fmt::format("{} of {}", folds[f].correct, folds[f].images);
    chart.bars.push_back(bar);
  }
  chart.note = "Lines: 95% Wilson intervals.";
  return html::chart(chart);
}

}  // namespace

std::string cv_page(const CvSummary& summary, const std::vector<FoldPredictions>& folds,
                    const std::vector<Finding>& findings, const std::string& subtitle,
                    const std::string& settings) {
  html::Page page("Cross-validation", subtitle);
  add_findings(page, findings);
  add_result(page, summary);
  page.section(summary.labels ? "Labels" : "ROC");
  std::vector<html::Markup> curves;
  if (summary.labels) curves.push_back(label_table(summary));
  for (std::size_t c = 0; c < summary.class_names.size() && !summary.labels; ++c)
    if (summary.class_names.size() > 2 || c == summary.positive) curves.push_back(roc_of(summary, folds, c));
  page.add(html::columns(curves));
  page.section("Folds");
  std::vector<html::Markup> bars;
  for (std::size_t r = 0; r < std::min(max_curves, summary.repeats.size()); ++r)
    bars.push_back(accuracy_of_folds(summary, r));
  page.add(html::columns(bars));
  html::Table table(score_columns("repeat, fold"));
  for (std::size_t r = 0; r < summary.repeats.size(); ++r)
    for (std::size_t f = 0; f < summary.repeats[r].folds.size(); ++f)
      add_row(table, fmt::format("{}, {}", r + 1, f + 1), summary.repeats[r].folds[f]);
  page.add(html::details("All folds in figures", table.markup()));
  page.section("How to repeat it");
  page.add(html::details("Settings (cv.toml)", html::code_block(settings)));
  page.note(
      "Not a medical device. None of these figures says how often a network is right on the X-rays "
      "of another hospital.");
  return page.str();
}

}  // namespace xr::apps
