#include "apps/xrtrain/html_report.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "apps/xrtrain/explain/explanation.h"
#include "apps/xrtrain/explain/overlay.h"
#include "apps/xrtrain/html/page.h"
#include "apps/xrtrain/html/table.h"
#include "apps/xrtrain/run_folder.h"
#include "apps/xrtrain/text.h"
#include "data/augment.h"

namespace xr::apps {

namespace {

using html::Markup;
using html::Verdict;

std::string number(const std::optional<double>& value) {
  return value ? fmt::format("{:.3f}", *value) : "-";
}

std::string with_interval(const Estimate& estimate) {
  if (!estimate.value) return "-";
  return estimate.interval ? fmt::format("{:.3f} ({:.3f} to {:.3f})", *estimate.value, estimate.interval->low,
                                         estimate.interval->high)
                           : number(estimate.value);
}

/// "balanced_accuracy" as people write it.
std::string label_of(std::string name) {
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

struct Finding {
  Verdict verdict;
  std::string title, text;
};

/// What audit.json or findings.json (of the quick audit before the training) holds against the data, the most
/// serious first; none if there is no readable file.
std::vector<Finding> read_findings(const std::filesystem::path& path) {
  std::vector<Finding> findings;
  std::ifstream file(path);
  const nlohmann::json audit = nlohmann::json::parse(file, nullptr, false);
  if (!audit.is_object()) return findings;
  for (const auto& [name, entry] : audit.items()) {
    if (!entry.is_object() || !entry.contains("verdict") || !entry["verdict"].is_string()) continue;
    const std::string verdict = entry["verdict"];
    const auto text = [&entry = entry](const char* key) {
      const auto found = entry.find(key);
      return found != entry.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    if (verdict == "serious" || verdict == "warning")
      findings.push_back(
          {verdict == "serious" ? Verdict::serious : Verdict::warning, text("title"), text("text")});
  }
  std::ranges::stable_sort(findings,
                           [](const Finding& a, const Finding& b) { return a.verdict > b.verdict; });
  return findings;
}

void add_findings(html::Page& page, const HtmlReport& report) {
  const bool audited = std::filesystem::exists(report.run / "audit.json");
  const std::vector<Finding> findings =
      read_findings(report.run / (audited ? "audit.json" : "findings.json"));
  if (findings.empty()) return;
  page.section("Findings about the data");
  page.paragraph("Read these first: they say whether the figures below mean what they seem to mean.");
  for (const Finding& finding : findings)
    page.badge(finding.verdict, finding.title, html::paragraph(finding.text));
}

const MetricTable* headline(const HtmlReport& report, std::string& split) {
  for (const char* name : {"test", "validation"}) {
    split = name;
    if (const MetricTable* metrics = report.details.find(report.details.chosen, name)) return metrics;
  }
  return nullptr;
}

void add_result(html::Page& page, const HtmlReport& report, const MetricTable* metrics,
                const std::string& split) {
  const EvaluationDetails& details = report.details;
  page.section("Result");
  if (metrics == nullptr) {
    page.badge(Verdict::serious,
               "No figures: the network gave no numbers, or there are no images to evaluate on");
    return;
  }
  page.paragraph(fmt::format("Checkpoint {:02d}, {}, told {} {} images apart rightly.", details.chosen,
                             details.chosen_on_validation ? "chosen on the validation images"
                                                          : "the last one (there are no validation images)",
                             accuracy_text(metrics->confusion.correct(), metrics->images), split));
  if (details.selection.optimism && details.candidates > 1)
    page.note(fmt::format(
        "The best of all {} checkpoints on the test images would read {}: chosen after looking at "
        "the answers, too high by about {} (bootstrap of the selection).",
        details.candidates, number(details.selection.apparent), number(details.selection.optimism)));
  html::Table table({{"measure"},
                     {"value (95 % interval)", html::Align::right},
                     {"of", html::Align::right},
                     {"interval by"}});
  for (const Metric& metric : metrics->metrics)
    table.row({label_of(metric.name), with_interval(metric.estimate),
               metric.whole > 0 ? fmt::format("{} of {}", metric.part, metric.whole) : "",
               method_name(metric.method)});
  std::vector<std::int64_t> counts;
  for (std::size_t label = 0; label < metrics->confusion.classes(); ++label)
    for (std::size_t c = 0; c < metrics->confusion.classes(); ++c)
      counts.push_back(metrics->confusion.at(label, c));
  page.add(html::beside(
      {table.markup(), html::confusion_matrix(details.class_names, counts,
                                              fmt::format("{} {} images", metrics->images, split))}));
  if (details.two_classes())
    page.note(
        fmt::format("Sensitivity and predictive values are about {}; \"-\": not defined for these images.",
                    details.class_names[details.positive]));
}

void add_thresholds(html::Page& page, const EvaluationDetails& details) {
  if (details.thresholds.empty() && !details.temperature) return;
  page.section("Thresholds and temperature");
  html::Table table({{"chosen on validation by"},
                     {"threshold", html::Align::right},
                     {"test sensitivity", html::Align::right},
                     {"test specificity", html::Align::right}});
  for (const OperatingPoint& point : details.thresholds) {
    const auto rate = [&](bool sensitivity) -> std::string {
      if (!point.test) return "-";
      return sensitivity ? with_interval(proportion(point.test->true_positive, point.test->positives()))
                         : with_interval(proportion(point.test->true_negative, point.test->negatives()));
    };
    table.row({point.wanted ? fmt::format("sensitivity of {} or more", number(point.wanted))
                            : std::string("sensitivity + specificity (Youden)"),
               number(point.threshold), rate(true), rate(false)});
  }
  if (!table.empty()) page.add(table.markup());
  if (details.temperature)
    page.paragraph(
        fmt::format("Temperature scaling fitted on validation: T = {}; ECE on test {} before, {} after.",
                    number(details.temperature->temperature), number(details.temperature->test_before.ece),
                    number(details.temperature->test_after.ece)));
}

void add_subgroups(html::Page& page, const EvaluationDetails& details) {
  if (details.subgroups.empty()) return;
  page.section("Groups of test images");
  for (const SubgroupTable& group_table : details.subgroups) {
    html::Table table({{group_table.column},
                       {"images", html::Align::right},
                       {"accuracy", html::Align::right},
                       {"sensitivity", html::Align::right},
                       {"specificity", html::Align::right}});
    for (const Subgroup& group : group_table.groups)
      table.row({group.value, fmt::format("{}", group.images), with_interval(group.accuracy.estimate),
                 with_interval(group.sensitivity.estimate), with_interval(group.specificity.estimate)});
    page.add(table.markup());
  }
  page.note(fmt::format("\"-\": fewer than {} images.", least_subgroup));
}

void add_environment(html::Page& page, const HtmlReport& report) {
  page.section("How to repeat it");
  page.add(html::code_block(fmt::format("xrtrain train --config {} --out ANOTHER_FOLDER", "config.toml")));
  page.note("In the folder of this page: config.toml holds every setting.");
  page.add(html::facts({{"Program", "xrtrain " XR_VERSION ", " XR_BUILD_TYPE " build"},
                        {"Compiler", __VERSION__},
                        {"Device", report.device.to_string()},
                        {"Precision", report.options.precision},
                        {"Seed", fmt::format("{}", report.options.seed)},
                        {"Data", html::code(report.options.data)},
                        {"Training images", html::code(report.info.data)}}));
}

}  // namespace

std::string html_report(const HtmlReport& report) {
  const EvaluationDetails& details = report.details;
  html::Page page(fmt::format("{} on {}", report.options.model, fmt::join(details.class_names, ", ")),
                  fmt::format("Trained on {} for {} epochs. For research: this is no medical device.",
                              report.options.data, report.options.epochs));
  std::string split;
  const MetricTable* metrics = headline(report, split);
  add_findings(page, report);
  add_result(page, report, metrics, split);
  page.section("Curves");
  page.add(report_curves(report));
  if (const Markup charts = report_roc_and_calibration(report, split);
      metrics != nullptr && !charts.empty()) {
    page.section("ROC and calibration");
    page.add(charts);
  }
  add_thresholds(page, details);
  add_subgroups(page, details);
  if (!report.errors.empty()) {
    page.section("The most certain errors");
    page.paragraph(
        "Test images that were taken for the wrong class with the highest probability; beside each, where "
        "the network found its evidence for that wrong class (Grad-CAM).");
    page.add(html::thumbnails(report.errors));
  }
  add_environment(page, report);
  page.section("Checklists");
  page.add(report_checklists(report));
  return page.str();
}

std::vector<html::Thumbnail> certain_errors(model::Module& network, const CheckpointInfo& info,
                                            const data::ImageSet& images, const Predictions& predictions,
                                            const EvaluationDetails& details,
                                            const std::filesystem::path& run, const kernels::Device& device,
                                            std::size_t most) {
  const SplitPredictions* test = predictions.find(details.chosen, "test");
  const std::filesystem::path checkpoint = checkpoint_path(run, details.chosen);
  if (test == nullptr || !test->finite() || !std::filesystem::exists(checkpoint)) return {};
  const ProbabilityTable table = test->table();
  const std::vector<std::int64_t> predicted = table.predictions();
  std::vector<std::size_t> wrong;
  for (std::size_t i = 0; i < table.images(); ++i)
    if (predicted[i] != table.labels[i]) wrong.push_back(i);
  const auto certainty = [&](std::size_t i) { return table.row(i)[static_cast<std::size_t>(predicted[i])]; };
  std::ranges::stable_sort(wrong, [&](std::size_t a, std::size_t b) { return certainty(a) > certainty(b); });
  wrong.resize(std::min(wrong.size(), most));
  if (wrong.empty()) return {};

  const Preprocessing preprocessing = preprocessing_of(info);
  data::Batch batch;
  batch.channels = static_cast<int>(info.model.channels);
  batch.size = static_cast<int>(info.model.image_size);
  std::vector<std::int64_t> classes;
  for (const std::size_t i : wrong) {
    std::vector<float> input(static_cast<std::size_t>(batch.channels) * batch.size * batch.size);
    const data::AugmentDraw draw =
        data::draw_augmentation(preprocessing.evaluation_augment, images.size, images.size, 0, 0, 0);
    data::Augmenter(preprocessing.evaluation_augment, batch.size)
        .apply(images.image(i), batch.channels, images.size, draw, input);
    batch.images.insert(batch.images.end(), input.begin(), input.end());
    batch.indices.push_back(i);
    batch.labels.push_back(table.labels[i]);
    classes.push_back(predicted[i]);
  }
  load_weights(checkpoint, network);
  std::vector<html::Thumbnail> result;
  const auto explanations = explain::explain(network, info, batch, classes, {}, device);
  for (std::size_t k = 0; k < wrong.size(); ++k) {
    const std::string& was = details.class_names[static_cast<std::size_t>(table.labels[wrong[k]])];
    const std::string& taken = details.class_names[static_cast<std::size_t>(classes[k])];
    const std::string text = fmt::format("{}: {} taken for {}, p = {:.3f}", test->images->paths[wrong[k]],
                                         was, taken, certainty(wrong[k]));
    const std::string warning = explain::warning_about(explanations[k]);
    result.push_back(
        {{explanations[k].image, explain::overlay(explanations[k].image, explanations[k].grad_cam)},
         text,
         warning.empty() ? Markup(text) : Markup(text) + Markup::raw("<br/>") + Markup("Note: " + warning)});
  }
  return result;
}

}  // namespace xr::apps
