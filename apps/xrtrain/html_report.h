// RUN/report.html: the results of a run on one page, with what a reader needs to judge them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "apps/xrtrain/evaluation_details.h"
#include "apps/xrtrain/html/chart.h"
#include "apps/xrtrain/html/picture.h"
#include "apps/xrtrain/options.h"

namespace xr::apps {

struct HtmlReport {
  const TrainOptions& options;
  const CheckpointInfo& info;
  const Predictions& predictions;
  const EvaluationDetails& details;
  History history;                      ///< empty where it is not known: the curves of training are left out
  std::filesystem::path run;            ///< for its audit.json or, without one, its findings.json
  std::vector<html::Thumbnail> errors;  ///< see certain_errors
  kernels::Device device;
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

/// Loss and accuracy by epoch, with Wilson intervals of the evaluated splits.
[[nodiscard]] html::Markup report_curves(const HtmlReport& report);
/// ROC of the chosen checkpoint with a band for two classes, and the reliability of its probabilities.
[[nodiscard]] html::Markup report_roc_and_calibration(const HtmlReport& report, const std::string& split);
/// Items of the model card (M. Mitchell et al., "Model Cards for Model Reporting", FAT* 2019) and of CLAIM
/// (J. Mongan et al., "Checklist for Artificial Intelligence in Medical Imaging", Radiology: AI 2, 2020):
/// what the program knows, and what people have to add.
[[nodiscard]] html::Markup report_checklists(const HtmlReport& report);

}  // namespace xr::apps
