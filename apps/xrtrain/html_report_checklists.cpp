// The checklists of report.html: what the program can fill in, and what it cannot.
#include "apps/xrtrain/html/table.h"
#include "apps/xrtrain/html_report.h"
#include "apps/xrtrain/text.h"
#include "model/model.h"

namespace xr::apps {

namespace {

using html::Markup;
using Items = std::vector<std::pair<Markup, Markup>>;

const char* const open_item = "open: to be written by those who train and use the network";

std::string split_text(const HtmlReport& report) {
  std::string text = fmt::format("training: {} images and their labels, fingerprint {}", report.options.data,
                                 report.info.data);
  for (const char* split : {"validation", "test"})
    if (const MetricTable* metrics = report.details.find(report.details.chosen, split); metrics != nullptr)
      text += fmt::format("; {}: {} images", split, metrics->images);
  return text;
}

std::string training_text(const TrainOptions& options) {
  return fmt::format(
      "{} epochs of batches of {}, {} with learning rate {} ({}), weight decay {}, augmentation {}, seed {}",
      options.epochs, options.batch_size, options.optimizer, number_text(options.lr), options.schedule,
      number_text(options.weight_decay), options.augment, options.seed);
}

std::string selection_text(const EvaluationDetails& details) {
  return details.chosen_on_validation
             ? fmt::format("checkpoint {:02d} of {}, chosen on validation images alone", details.chosen,
                           details.candidates)
             : fmt::format("checkpoint {:02d}, the last: there are no validation images to choose on",
                           details.chosen);
}

}  // namespace

Markup report_checklists(const HtmlReport& report) {
  const TrainOptions& options = report.options;
  const std::string classes = fmt::format("{}", fmt::join(report.details.class_names, ", "));
  const std::string network =
      fmt::format("{}, {} parameters, input {} x {} x {}, initial weights random from the seed",
                  options.model, model::parameter_count(report.info.model), report.info.model.channels,
                  report.info.model.image_size, report.info.model.image_size);
  const std::string measures =
      "accuracy, sensitivity, specificity and predictive values with Wilson intervals, AUROC with DeLong's, "
      "the rest "
      "with stratified bootstrap intervals; all 95 %";
  const Items card{
      {"Model details", network},
      {"Training", training_text(options)},
      {"Classes", classes},
      {"Metrics", measures},
      {"Training and evaluation data", split_text(report)},
      {"Quantitative analyses", report.details.subgroups.empty()
                                    ? "above; by groups of images: open, no table of groups was given"
                                    : "above, also by groups of images"},
      {"Intended use; uses out of scope", open_item},
      {"Factors: patients, hospitals, devices that matter", open_item},
      {"Ethical considerations", open_item},
      {"Caveats and recommendations", "no medical device; results hold for images like these alone"}};
  const Items claim{
      {"7, 21: data sources and partitions", split_text(report)},
      {"9: preprocessing", fmt::format("grey levels scaled to 0..1{}, resized to {} x {}",
                                       options.normalize ? ", standardised by the training images" : "",
                                       report.info.model.image_size, report.info.model.image_size)},
      {"22: model; 24: initialisation", network},
      {"23: software", "xrtrain " XR_VERSION},
      {"25: training", training_text(options)},
      {"26: how the final model was selected", selection_text(report.details)},
      {"28, 29: metrics and their uncertainty", measures},
      {"31: explainability", "Grad-CAM of the most certain errors, above"},
      {"32: test on external data", "open: xrtrain eval RUN --data OTHER"},
      {"35 to 37: performance, uncertainty, errors", "above"},
      {"1 to 6: title, abstract, background, study design", open_item},
      {"8, 10 to 13: eligibility, definitions, anonymisation, missing data", open_item},
      {"14 to 18: ground truth, who annotated it and how well they agree", open_item},
      {"19, 20: sample size, level at which the partitions are disjoint", open_item},
      {"33, 34: flow of participants, demographics", open_item},
      {"38 to 42: limitations, implications, registration, protocol, funding", open_item}};
  return html::element("h3", "Model card") + html::facts(card) + html::element("h3", "CLAIM checklist") +
         html::facts(claim);
}

}  // namespace xr::apps
