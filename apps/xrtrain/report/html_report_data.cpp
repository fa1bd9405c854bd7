// What report.html says of the images, the control trainings and the machine.
#include <nlohmann/json.hpp>

#include "apps/html/table.h"
#include "apps/xrtrain/options/option_table.h"
#include "apps/xrtrain/report/html_report.h"
#include "apps/xrtrain/run/findings.h"

namespace xr::apps {

namespace {

using html::Align;
using html::Markup;

/// The "control" of audit.json, or null.
nlohmann::json read_control(const HtmlReport& report) {
  const nlohmann::json audit = read_audit(report.run, report.options.data);
  if (!audit.is_object() || !audit.contains("control") || !audit["control"].is_object()) return nullptr;
  return audit["control"];
}

/// The row of a control training; nothing if the file does not have it.
void add_control(html::Table& table, const char* name, const nlohmann::json& control, const char* key) {
  const nlohmann::json figures = control.value(key, nlohmann::json());
  if (!figures.is_object()) return;
  for (const char* part : {"right", "images"})
    if (!figures.contains(part) || !figures[part].is_number_integer()) return;
  const auto right = figures["right"].get<std::int64_t>(), images = figures["images"].get<std::int64_t>();
  if (images <= 0 || right < 0 || right > images) return;
  const statistics::Estimate accuracy = statistics::proportion(right, images);
  table.row({name, fmt::format("{} of {}", right, images),
             fmt::format("{:.3f} ({:.3f} to {:.3f})", *accuracy.value, accuracy.interval->low,
                         accuracy.interval->high)});
}

/// The same of several labels: a mean AUROC with its interval.
void add_label_control(html::Table& table, const char* name, const nlohmann::json& figures) {
  if (!figures.is_object()) return;
  for (const char* part : {"mean_auroc", "low", "high"})
    if (!figures.contains(part) || !figures[part].is_number()) return;
  table.row({name, fmt::format("{:.3f} ({:.3f} to {:.3f})", figures["mean_auroc"].get<double>(),
                               figures["low"].get<double>(), figures["high"].get<double>())});
}

nlohmann::json mean_auroc_figures(const statistics::MetricTable& metrics) {
  const statistics::Metric* mean = metrics.find("mean_auroc");
  if (mean == nullptr || !mean->estimate.value || !mean->estimate.interval) return nullptr;
  return {{"mean_auroc", *mean->estimate.value},
          {"low", mean->estimate.interval->low},
          {"high", mean->estimate.interval->high}};
}

html::Table label_control_table(const nlohmann::json& control, const statistics::MetricTable& metrics) {
  html::Table table(
      {{"trained and tested on"}, {"mean AUROC", Align::right}},
      "Beside the control trainings of the audit, which have settings of their own; 95% intervals");
  add_label_control(table, "this run", mean_auroc_figures(metrics));
  add_label_control(table, "control: whole images", control.value("whole", nlohmann::json()));
  add_label_control(table, "control: the middle black", control.value("middle_black", nlohmann::json()));
  add_label_control(table, "control: all but the middle black",
                    control.value("border_black", nlohmann::json()));
  table.row({"guessing", "0.500"});
  return table;
}

html::Table class_control_table(const nlohmann::json& control, const statistics::MetricTable& metrics) {
  html::Table table(
      {{"trained and tested on"}, {"right", Align::right}, {"accuracy", Align::right}},
      "Beside the control trainings of the audit, which have settings of their own; 95% intervals");
  const nlohmann::json of_run{{"run", {{"right", metrics.confusion.correct()}, {"images", metrics.images}}}};
  add_control(table, "this run", of_run, "run");
  add_control(table, "control: whole images", control, "whole");
  add_control(table, "control: the middle black", control, "middle_black");
  add_control(table, "control: all but the middle black", control, "border_black");
  const nlohmann::json guessing = control.value("guessing", nlohmann::json());
  if (guessing.is_number())
    table.row({"always the largest class", "", fmt::format("{:.3f}", guessing.get<double>())});
  return table;
}

std::string counted(std::int64_t count, const char* one, const char* many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

}  // namespace

bool has_control(const HtmlReport& report) {
  return read_control(report).is_object();
}

Markup report_control(const HtmlReport& report, const statistics::MetricTable& metrics) {
  const nlohmann::json control = read_control(report);
  if (!control.is_object()) return {};
  const html::Table table =
      report.details.labels() ? label_control_table(control, metrics) : class_control_table(control, metrics);
  return table.markup() +
         html::note(
             "The middle is five eighths of each side; parts of the lungs remain visible around it. What a "
             "network tells without it, it need not have learned from the disease.");
}

std::string patients_text(const DataFacts& data) {
  std::int64_t images = 0;
  for (const SplitFacts& split : data.splits) images += split.total();
  if (data.patients_from.empty())
    return "No patients are known: images of one patient may lie in more than one split.";
  return fmt::format("Patients of {} of {} images from {}; {}{} images in more than one split.",
                     data.with_patient, images, data.patients_from,
                     data.kept_together ? "the program's splits keep the images of a patient together; " : "",
                     data.shared_patients == 0
                         ? std::string("no patient has")
                         : counted(data.shared_patients, "patient has", "patients have"));
}

Markup report_images(const HtmlReport& report) {
  if (!report.provenance)
    return html::note(
        "The folder of this run has no provenance.json: how many images of which class it was "
        "trained on is not known here.");
  const DataFacts& data = report.provenance->data;
  std::vector<html::Column> columns{{"images"}};
  for (const SplitFacts& split : data.splits) columns.push_back({split.name, Align::right});
  html::Table table(columns);
  const auto add_row = [&](const std::string& name, auto&& value) {
    std::vector<Markup> row{name};
    for (const SplitFacts& split : data.splits) row.emplace_back(fmt::format("{}", value(split)));
    table.row(row);
  };
  for (std::size_t c = 0; c < data.class_names.size(); ++c)
    add_row(data.class_names[c], [c](const SplitFacts& split) {
      return split.known.empty() || split.known[c] == split.labelled_images
                 ? fmt::format("{}", split.images[c])
                 : fmt::format("{} of {} known", split.images[c], split.known[c]);
    });
  add_row(report.details.labels() ? "all images" : "all classes",
          [](const SplitFacts& split) { return split.total(); });
  if (!data.patients_from.empty())
    add_row("patients", [](const SplitFacts& split) { return split.patients; });
  add_row("unreadable, skipped", [](const SplitFacts& split) { return split.unreadable; });
  std::vector<std::pair<Markup, Markup>> rules;
  for (const SplitFacts& split : data.splits) rules.emplace_back(split.name + " images", split.rule);
  const data::Mask mask = report.options.mask;
  return table.markup() + html::facts(rules) + html::paragraph(patients_text(data)) +
         (mask == data::Mask::none
              ? Markup()
              : html::paragraph(fmt::format(
                    "In every image {} is black: this run is a control, not a network to use.",
                    mask == data::Mask::middle ? "the middle (five eighths of each side)"
                                               : "all but the middle (five eighths of each side)")));
}

Markup report_environment(const HtmlReport& report) {
  std::vector<std::pair<Markup, Markup>> facts;
  const std::string evaluated = report.device.to_string();
  std::string threads;
  if (report.provenance) {
    const MachineFacts& machine = report.provenance->machine;
    threads = fmt::format(" --threads {}", machine.threads);
    facts = {{"Program", machine.program},
             {"Compiler", machine.compiler},
             {"Libraries", machine.libraries},
             {"System", machine.system},
             {"Processor", machine.processor},
             {"Threads", fmt::format("{}", machine.threads)},
             {"Device", fmt::format("{}: {}", machine.device, machine.device_description)}};
    if (machine.device != evaluated) facts.emplace_back("Evaluated on", evaluated);
  } else {
    facts = {{"Evaluated by", "xrtrain " XR_VERSION}, {"Evaluated on", evaluated}};
  }
  facts.emplace_back("Precision", option_text(report.options, "precision"));
  facts.emplace_back("Seed", fmt::format("{}", report.options.seed));
  facts.emplace_back("Data", html::code(report.options.data));
  facts.emplace_back("Fingerprint of names, labels and pixels",
                     Markup("training (and validation): ") + html::code(report.info.data));
  return html::code_block(fmt::format("xrtrain train --config config.toml{} --out ANOTHER_FOLDER", threads)) +
         html::note(
             "config.toml, in the folder of this page, holds every setting. With the same images, "
             "program, processor and number of threads it gives the same bytes; with others sums are "
             "rounded otherwise, and it is another run.") +
         html::facts(facts);
}

}  // namespace xr::apps
