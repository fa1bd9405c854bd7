#include "apps/xrtrain/report/html_report.h"

#include <fmt/format.h>

#include "apps/html/page.h"
#include "apps/xrtrain/run/findings.h"

namespace xr::apps {

namespace {

using html::Markup;
using html::Verdict;

const statistics::MetricTable* headline(const HtmlReport& report, std::string& split) {
  for (const char* name : {"test", "validation"}) {
    split = name;
    if (const statistics::MetricTable* metrics =
            report.details.find(report.details.selected.checkpoint, name))
      return metrics;
  }
  return nullptr;
}

/// By how much the best of all checkpoints on the test images flatters.
void add_optimism(html::Page& page, const EvaluationDetails& details) {
  const statistics::SelectionOptimism& selection = details.selection;
  if (!selection.apparent || details.candidates < 2) return;
  if (!selection.optimism)
    return page.note(fmt::format(
        "Selection bias of the best of all {} checkpoints on the test images: too few images to estimate, "
        "it takes at least {} {}.",
        details.candidates, statistics::min_images_to_correct,
        details.labels() ? "with and without each label" : "of each class"));
  page.note(fmt::format(
      "The best of all {} checkpoints on the test images would read {}{:.3f}: selected on the test "
      "set, selection bias {} (bootstrap of the selection).",
      details.candidates, details.labels() ? "mean AUROC " : "", *selection.apparent,
      *selection.optimism < 0.0005 ? std::string("not measurable")
                                   : fmt::format("about {:.3f}", *selection.optimism)));
}

/// "It found 45 of 46 covid images and called 2 of 40 others covid. ": two classes.
std::string meaning_text(const EvaluationDetails& details, const statistics::MetricTable& metrics) {
  if (!details.two_classes()) return {};
  const statistics::BinaryCounts counts = metrics.confusion.against_rest(details.positive);
  const std::string& name = details.class_names[details.positive];
  return fmt::format("It found {} of {} {} images and called {} of {} others {}. ", counts.true_positive,
                     counts.positives(), name, counts.false_positive, counts.negatives(), name);
}

/// What may not be concluded from the result.
void add_limits(html::Page& page, const EvaluationDetails& details, const statistics::MetricTable& metrics,
                const std::string& split) {
  page.note(
      "This holds for images like these, of the same sources. Images of another hospital may give other figures.");
  add_optimism(page, details);
  if (split == "test") page.note(independence_text(details, metrics.images));
  if (const std::string text = optimism_text(details); !text.empty()) page.note(text);
}

void add_result(html::Page& page, const HtmlReport& report, const statistics::MetricTable* metrics,
                const std::string& split) {
  const EvaluationDetails& details = report.details;
  page.section("Result");
  if (metrics == nullptr) {
    page.badge(Verdict::serious,
               "No figures: the network gave no numbers, or there are no images to evaluate on");
    return;
  }
  if (details.labels()) {
    page.paragraph(label_result_text(details, *metrics, split));
    return add_limits(page, details, *metrics, split);
  }
  const std::int64_t right = metrics->confusion.correct();
  const statistics::Interval interval = statistics::wilson_interval(right, metrics->images);
  page.paragraph(fmt::format(
      "Checkpoint {:02d}, {}, classified {} of {} {} images correctly: {:.3f} (95% "
      "interval {:.3f} to {:.3f}).",
      details.selected.checkpoint,
      details.selected.on_validation() ? "selected on the validation images"
                                       : "the last one (there are no validation images)",
      right, metrics->images, split, static_cast<double>(right) / static_cast<double>(metrics->images),
      interval.low, interval.high));
  page.paragraph(meaning_text(details, *metrics) + "The " + baseline_text(details, *metrics) + ".");
  add_limits(page, details, *metrics, split);
}

void add_figures(html::Page& page, const HtmlReport& report, const statistics::MetricTable& metrics,
                 const std::string& split) {
  page.section("All figures");
  page.add(report.details.labels() ? report_label_metrics(report.details, metrics)
                                   : report_metrics(report.details, metrics, split));
  if (split == "test") page.add(report_control(report, metrics));
}

void add_errors(html::Page& page, const HtmlReport& report) {
  if (report.errors.empty()) return;
  page.section("The most certain errors");
  page.paragraph(
      report.details.labels()
          ? "Test images whose label got the probability farthest from the truth; beside each, where "
            "the network found its evidence for that label (Grad-CAM). A click enlarges a picture."
          : "Test images with the highest probability for a wrong class; beside each, where the network "
            "found its evidence for that wrong class (Grad-CAM). A click enlarges a picture.");
  page.add(html::thumbnails(report.errors));
  page.note(
      "A map shows where the evidence was, not that it was medical: borders and letters count as well.");
}

std::string title_of(const HtmlReport& report) {
  const TrainOptions& options = report.options;
  std::string title =
      report.details.labels()
          ? fmt::format("{} on {} labels", options.model, report.details.class_names.size())
          : fmt::format("{} on {}", options.model, fmt::join(report.details.class_names, ", "));
  if (options.mask == data::Mask::middle) title += ", the middle of the images black";
  if (options.mask == data::Mask::border) title += ", all but the middle of the images black";
  if (!options.fold.empty()) title += fmt::format(", fold {} of a cross-validation", options.fold);
  return title;
}

void add_section(html::Page& page, const char* heading, const Markup& content) {
  if (content.empty()) return;
  page.section(heading);
  page.add(content);
}

}  // namespace

std::string html_report(const HtmlReport& report) {
  html::Page page(title_of(report),
                  fmt::format("Trained on {} for {}. For research. Not a medical device.",
                              report.options.data, epochs_text(report.options, report.details)));
  std::string split;
  const statistics::MetricTable* metrics = headline(report, split);
  add_findings(page, read_findings(report.run, report.options.data));
  add_result(page, report, metrics, split);
  add_errors(page, report);
  add_section(page, "Curves", report_curves(report));
  if (metrics != nullptr) {
    add_section(page, "ROC and calibration", report_roc_and_calibration(report, split));
    add_figures(page, report, *metrics, split);
  }
  add_section(page, "Thresholds and temperature", report_thresholds(report.details));
  add_section(page, "Groups of test images", report_subgroups(report.details));
  add_section(page, "Images", report_images(report));
  add_section(page, "How to repeat it", report_environment(report));
  add_section(page, "Checklists", report_checklists(report));
  return page.str();
}

}  // namespace xr::apps
