// RUN/report.html: the results of a run on one page, with what a reader needs to judge them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "apps/html/chart.h"
#include "apps/html/picture.h"
#include "apps/xrtrain/evaluation/evaluation_details.h"
#include "apps/xrtrain/options/options.h"
#include "apps/xrtrain/run/provenance.h"

namespace xr::apps {

struct HtmlReport {
  const TrainOptions& options;
  const CheckpointInfo& info;
  const Predictions& predictions;
  const EvaluationDetails& details;
  History history;                       ///< empty where it is not known: the curves of training are left out
  std::filesystem::path run;             ///< with its findings (findings.h)
  std::vector<html::Thumbnail> errors;   ///< see certain_errors
  kernels::Device device;                ///< that evaluated
  std::optional<Provenance> provenance;  ///< of the training, where it is known
};

/// The page.
[[nodiscard]] std::string html_report(const HtmlReport& report);

/// The test images that the chosen checkpoint got most surely wrong, `most` of them at most, each beside its
/// Grad-CAM map for the class that it was taken for. Loads that checkpoint into `network`. `images`: the test
/// images in the order of the predictions. Empty if that checkpoint is not there any more.
[[nodiscard]] std::vector<html::Thumbnail> certain_errors(
    model::Module& network, const CheckpointInfo& info, const data::ImageSet& images,
    const Predictions& predictions, const EvaluationDetails& details, const std::filesystem::path& run,
    const kernels::Device& device, std::size_t most = 12);

// Parts of the page.

/// "20 epochs", or "12 of 20 epochs (early stopping: 5 without a better validation)".
[[nodiscard]] std::string epochs_text(const TrainOptions& options, const EvaluationDetails& details);

/// Metrics with their intervals and the confusion matrix; with more than two classes each against the rest.
[[nodiscard]] html::Markup report_metrics(const EvaluationDetails& details,
                                          const statistics::MetricTable& metrics, const std::string& split);
/// The thresholds and the temperature that were chosen on validation images, and how they do there and on the
/// test images. Empty if there are none.
[[nodiscard]] html::Markup report_thresholds(const EvaluationDetails& details);
/// Of several labels: each with its metrics at its threshold, and their means.
[[nodiscard]] html::Markup report_label_metrics(const EvaluationDetails& details,
                                                const statistics::MetricTable& metrics);
/// Of several labels: the result in a sentence.
[[nodiscard]] std::string label_result_text(const EvaluationDetails& details,
                                            const statistics::MetricTable& metrics, const std::string& split);
/// Of several labels: ROC curves of the chosen checkpoint, and the reliability of all its probabilities.
[[nodiscard]] html::Markup report_label_roc(const HtmlReport& report, const SplitPredictions& predictions,
                                            const std::string& split);

/// Tables for the groups of test images. Empty if there are none.
[[nodiscard]] html::Markup report_subgroups(const EvaluationDetails& details);

/// Loss and accuracy by epoch, with Wilson intervals of the evaluated splits.
[[nodiscard]] html::Markup report_curves(const HtmlReport& report);
/// ROC of the chosen checkpoint with a band for two classes, and the reliability of its probabilities.
[[nodiscard]] html::Markup report_roc_and_calibration(const HtmlReport& report, const std::string& split);

/// The control trainings of `xrtrain audit --control`, beside this run. Empty if audit.json has none.
[[nodiscard]] html::Markup report_control(const HtmlReport& report, const statistics::MetricTable& metrics);
/// Whether audit.json has control trainings.
[[nodiscard]] bool has_control(const HtmlReport& report);
/// How many images of which class and how many patients are in which split, and by which rule.
[[nodiscard]] html::Markup report_images(const HtmlReport& report);
/// Whose images were kept together, and how many patients are in two splits, in one sentence.
[[nodiscard]] std::string patients_text(const DataFacts& data);
/// The command, the machine and the libraries of the training.
[[nodiscard]] html::Markup report_environment(const HtmlReport& report);

/// Items of the model card (M. Mitchell et al., "Model Cards for Model Reporting", FAT* 2019) and of CLAIM
/// (J. Mongan et al., "Checklist for Artificial Intelligence in Medical Imaging", Radiology: AI 2, 2020):
/// what the program knows, and what people have to add.
[[nodiscard]] html::Markup report_checklists(const HtmlReport& report);

}  // namespace xr::apps
