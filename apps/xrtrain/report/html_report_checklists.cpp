// The checklists of report.html: what the program can fill in, and what it cannot.
#include <fmt/format.h>

#include "apps/html/table.h"
#include "apps/text/text.h"
#include "apps/xrtrain/options/option_table.h"
#include "apps/xrtrain/report/html_report.h"
#include "apps/xrtrain/run/findings.h"
#include "model/model.h"

namespace xr::apps {

namespace {

using html::Markup;
using Items = std::vector<std::pair<Markup, Markup>>;

const char* const open_item = "open: to be written by those who train and use the network";

const char* const measures =
    "accuracy, sensitivity, specificity and predictive values with Wilson intervals, AUROC with DeLong's, "
    "the rest with stratified bootstrap intervals; all 95%";

const char* const label_measures =
    "of each label AUROC with DeLong's interval, sensitivity, specificity and predictive values with Wilson's, AUPRC "
    "and the means over labels with bootstrap intervals; all 95%";

/// "training: 220 images, 128 covid, 92 normal"
std::string counts_text(const DataFacts& data, const SplitFacts& split) {
  std::string text = fmt::format("{}: {} images", split.name, split.total());
  for (std::size_t c = 0; c < split.images.size(); ++c)
    text += fmt::format(", {} {}", split.images[c], data.class_names[c]);
  return text;
}

/// What is written where the run's folder does not say how it was trained.
std::string unknown() {
  return "open: the folder of this run has no provenance.json";
}

std::string counts_of(const HtmlReport& report, std::initializer_list<const char*> splits) {
  if (!report.provenance) return unknown();
  std::string text;
  for (const SplitFacts& split : report.provenance->data.splits)
    for (const char* name : splits)
      if (split.name == name)
        text += (text.empty() ? "" : "; ") + counts_text(report.provenance->data, split);
  return text;
}

std::string rules_text(const HtmlReport& report) {
  if (!report.provenance) return unknown();
  std::string text;
  for (const SplitFacts& split : report.provenance->data.splits)
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", split.name, split.rule);
  return text;
}

std::string level_text(const HtmlReport& report) {
  if (!report.provenance) return unknown();
  const DataFacts& data = report.provenance->data;
  std::int64_t images = 0;
  for (const SplitFacts& split : data.splits) images += split.total();
  const bool by_patient = data.with_patient == images && data.shared_patients == 0;
  return (data.patients_from.empty() ? "the image. "
          : by_patient               ? "the patient. "
                                     : "the patient for a part of the images only. ") +
         patients_text(data);
}

std::string unreadable_text(const HtmlReport& report) {
  if (!report.provenance) return unknown();
  std::int64_t unreadable = 0;
  for (const SplitFacts& split : report.provenance->data.splits) unreadable += split.unreadable;
  return (unreadable == 0
              ? std::string("no image file was unreadable")
              : fmt::format("{} unreadable image file{} skipped", unreadable, unreadable == 1 ? "" : "s")) +
         "; other missing data: open";
}

std::string software_text(const HtmlReport& report) {
  if (!report.provenance) return "xrtrain " XR_VERSION " (evaluation)";
  const MachineFacts& machine = report.provenance->machine;
  return fmt::format("{}, {}; {}; {}", machine.program, machine.compiler, machine.libraries,
                     machine.device_description);
}

std::string training_text(const HtmlReport& report) {
  const TrainOptions& options = report.options;
  std::string text = fmt::format(
      "one network, {}, batches of {}, {} with learning rate {} ({}), weight decay {}, augmentation "
      "{}, seed {}",
      epochs_text(options, report.details), options.batch_size, option_text(options, "optimizer"),
      text::number_text(options.lr), option_text(options, "schedule"),
      text::number_text(options.weight_decay), option_text(options, "augment"), options.seed);
  if (options.ema > 0)
    text +=
        fmt::format("; exponential moving average of the weights, decay {}", text::number_text(options.ema));
  if (const std::size_t count = report.info.averaged.size(); count > 0)
    text += fmt::format("; mean of the weights of {} checkpoints", count);
  return text;
}

std::string selection_text(const EvaluationDetails& details) {
  return details.selected.on_validation()
             ? fmt::format("checkpoint {:02d} of {}, selected on validation images alone",
                           details.selected.checkpoint, details.candidates)
             : fmt::format("checkpoint {:02d}, the last: there are no validation images to select on",
                           details.selected.checkpoint);
}

std::string thresholds_text(const EvaluationDetails& details) {
  if (details.labels())
    return details.thresholds.empty()
               ? "0.5 for each label"
               : "of each label, selected on validation images: see the table of thresholds";
  std::string text = details.two_classes() ? "decision at a probability of 0.5" : "the most probable class";
  for (const OperatingPoint& point : details.thresholds)
    if (point.threshold)
      text += fmt::format("; {:.4f} for {}", *point.threshold,
                          point.wanted ? fmt::format("a sensitivity of {:g} on validation", *point.wanted)
                                       : std::string("Youden's index on validation"));
  return text;
}

std::string robustness_text(const HtmlReport& report) {
  std::string text;
  if (has_control(report)) text = "control trainings without parts of the images, beside the result; ";
  if (has_audit(report.run, report.options.data)) return text + "audit of the images: audit.json";
  return text +
         (std::filesystem::exists(report.run / "findings.json") ? "the quick audit of the images; " : "") +
         fmt::format("open: xrtrain audit {} --control --out RUN, then xrtrain eval RUN",
                     text::shell_word(report.options.data));
}

Markup caveats(const HtmlReport& report) {
  std::vector<Markup> items{"Not a medical device; results hold for images like these alone"};
  for (const Finding& finding : read_findings(report.run, report.options.data))
    if (finding.verdict == html::Verdict::serious)
      items.emplace_back(fmt::format("serious finding about the data: {}: {}", finding.title, finding.text));
  if (report.options.mask != data::Mask::none)
    items.emplace_back("a control: a part of every image is black");
  return html::bullet_list(items);
}

Items model_card(const HtmlReport& report, const std::string& network) {
  const EvaluationDetails& details = report.details;
  return {{"Model details", network},
          {"Version", fmt::format("checkpoint {:02d} of the run trained on {}", details.selected.checkpoint,
                                  report.info.data)},
          {"Date", "open: not kept, so that the same run has the same bytes"},
          {"Persons, licence, contact", open_item},
          {"Training algorithm", training_text(report)},
          {details.labels() ? "Labels" : "Classes", fmt::format("{}", fmt::join(details.class_names, ", "))},
          {"Intended use; uses out of scope", open_item},
          {"Factors: patients, hospitals, devices that matter", open_item},
          {"Metrics", details.labels() ? label_measures : measures},
          {"Decision thresholds", thresholds_text(details)},
          {"Training data", counts_of(report, {"training", "validation"})},
          {"Evaluation data", counts_of(report, {"test"})},
          {"Quantitative analyses", details.subgroups.empty()
                                        ? "above; by groups of images: open, no table of groups was given"
                                        : "above, also by groups of images"},
          {"Ethical considerations", open_item},
          {"Caveats and recommendations", caveats(report)}};
}

Items claim(const HtmlReport& report, const std::string& network) {
  const TrainOptions& options = report.options;
  const bool figures = report.details.find(report.details.selected.checkpoint, "test") != nullptr;
  const bool errors = !report.errors.empty();
  const std::int64_t size = report.info.model.image_size;
  return {{"1 to 6: title, abstract, background, study design", open_item},
          {"7: data sources", html::code(options.data) + "; where the images come from: open"},
          {"8, 10 to 12: eligibility, subsets, definitions, de-identification", open_item},
          {"9: preprocessing",
           fmt::format("grey levels scaled to 0..1{}, resized to {} x {}{}",
                       options.normalize ? ", standardised by the training images" : "", size, size,
                       options.mask == data::Mask::none ? "" : "; a part of every image black")},
          {"13: missing data", unreadable_text(report)},
          {"14 to 18: ground truth, who annotated it and how well they agree", open_item},
          {"19: sample size", counts_of(report, {"training", "validation", "test"}) + "; why so many: open"},
          {"20: how images were assigned to partitions", rules_text(report)},
          {"21: level at which the partitions are disjoint", level_text(report)},
          {"22: model", network},
          {"23: software", software_text(report)},
          {"24: initialisation", fmt::format("random, from seed {}", options.seed)},
          {"25: training", training_text(report)},
          {"26: how the final model was selected", selection_text(report.details)},
          {"27: ensembling", "none"},
          {"28, 29: metrics and their uncertainty", report.details.labels() ? label_measures : measures},
          {"30: robustness or sensitivity analysis", robustness_text(report)},
          {"31: explainability",
           errors ? "Grad-CAM of the most certain errors, above; not validated: open"
                  : "open: none shown here; xrtrain predict CHECKPOINT IMAGE... --explain DIR makes maps"},
          {"32: test on external data", "open: xrtrain eval RUN --data OTHER"},
          {"33: flow of participants", open_item},
          {"34: demographic and clinical characteristics",
           report.details.subgroups.empty() ? std::string(open_item)
                                            : "in part: the groups of test images, above; the rest is open"},
          {"35, 36: performance and its precision",
           figures ? "above" : "open: there are no figures on test images"},
          {"37: failure analysis", errors ? "the most certain errors, above; what they have in common: open"
                                          : "open: no errors are shown here"},
          {"38 to 42: limitations, implications, registration, protocol, funding", open_item}};
}

}  // namespace

std::string epochs_text(const TrainOptions& options, const EvaluationDetails& details) {
  if (details.training && details.training->ended_early)
    return fmt::format("{} of {} epochs (early stopping: {} without a better validation)",
                       details.training->epochs_run, options.epochs, options.patience);
  return fmt::format("{} epoch{}", options.epochs, options.epochs == 1 ? "" : "s");
}

Markup report_checklists(const HtmlReport& report) {
  const std::string network =
      fmt::format("{}, {} parameters, input {} x {} x {}", report.options.model,
                  model::parameter_count(report.info.model), report.info.model.channels,
                  report.info.model.image_size, report.info.model.image_size);
  return html::element("h3", "Model card") + html::facts(model_card(report, network)) +
         html::note("After M. Mitchell et al., \"Model Cards for Model Reporting\", FAT* 2019.") +
         html::element("h3", "CLAIM checklist, edition of 2020") + html::facts(claim(report, network)) +
         html::note(
             "J. Mongan, L. Moy, C. E. Kahn Jr., \"Checklist for Artificial Intelligence in Medical "
             "Imaging (CLAIM)\", Radiology: Artificial Intelligence 2(2), 2020, e200029. The update of "
             "2024 numbers its items otherwise.");
}

}  // namespace xr::apps
