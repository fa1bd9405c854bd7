// The most certain errors of report.html.
#include <algorithm>

#include "apps/xrtrain/evaluation/network_input.h"
#include "apps/xrtrain/explain/explanation.h"
#include "apps/xrtrain/explain/overlay.h"
#include "apps/xrtrain/report/html_report.h"
#include "apps/xrtrain/run/run_folder.h"
#include "data/loader/augment.h"

namespace xr::apps {

using html::Markup;

namespace {

/// An image that the network got wrong, and the class or label whose evidence is shown.
struct CertainError {
  std::size_t image = 0, explained = 0;
  double certainty = 0;
  std::string text;
};

/// The most certain first, `most` of them.
void keep_most_certain(std::vector<CertainError>& errors, std::size_t most) {
  std::ranges::stable_sort(
      errors, [](const CertainError& a, const CertainError& b) { return a.certainty > b.certainty; });
  errors.resize(std::min(errors.size(), most));
}

std::vector<CertainError> wrong_classes(const SplitPredictions& test, const EvaluationDetails& details,
                                        std::size_t most) {
  const statistics::ProbabilityTable table = test.table();
  const std::vector<std::int64_t> predicted = table.predictions();
  std::vector<CertainError> errors;
  for (std::size_t i = 0; i < table.images(); ++i) {
    if (predicted[i] == table.labels[i]) continue;
    const auto taken = static_cast<std::size_t>(predicted[i]);
    const double certainty = table.row(i)[taken];
    errors.push_back({i, taken, certainty,
                      fmt::format("{}: {} predicted as {}, p = {:.3f}", test.images->paths[i],
                                  details.class_names[static_cast<std::size_t>(table.labels[i])],
                                  details.class_names[taken], certainty)});
  }
  keep_most_certain(errors, most);
  return errors;
}

/// Labels on the wrong side of their threshold, the largest errors of probability first.
std::vector<CertainError> wrong_labels(const SplitPredictions& test, const EvaluationDetails& details,
                                       std::size_t most) {
  const statistics::MetricTable* metrics = details.find(details.selected.checkpoint, "test");
  if (metrics == nullptr) return {};
  const std::size_t labels = details.class_names.size();
  std::vector<CertainError> errors;
  for (std::size_t i = 0; i < test.probabilities.size(); ++i) {
    const float target = test.images->targets[i];
    const double p = test.probabilities[i];
    const std::size_t label = i % labels;
    const bool has = target > 0.5f;
    if (!data::is_known(target) || (p >= metrics->classes[label].threshold) == has) continue;
    errors.push_back({i / labels, label, has ? 1.0 - p : p, {}});
  }
  keep_most_certain(errors, most);
  for (CertainError& error : errors) {
    const std::size_t place = error.image * labels + error.explained;
    error.text = fmt::format("{}: {} {}, p = {:.3f}", test.images->paths[error.image],
                             test.images->targets[place] > 0.5f ? "has" : "has no",
                             details.class_names[error.explained], test.probabilities[place]);
  }
  return errors;
}

}  // namespace

std::vector<html::Thumbnail> certain_errors(model::Module& network, const CheckpointInfo& info,
                                            const data::ImageSet& images, const Predictions& predictions,
                                            const EvaluationDetails& details,
                                            const std::filesystem::path& run, const kernels::Device& device,
                                            std::size_t most) {
  const SplitPredictions* test = predictions.find(details.selected.checkpoint, "test");
  const std::filesystem::path checkpoint = checkpoint_path(run, details.selected.checkpoint);
  if (test == nullptr || !test->finite() || !std::filesystem::exists(checkpoint)) return {};
  const std::vector<CertainError> wrong =
      details.labels() ? wrong_labels(*test, details, most) : wrong_classes(*test, details, most);
  if (wrong.empty()) return {};

  data::Batch batch;
  batch.channels = static_cast<int>(info.model.channels);
  batch.size = static_cast<int>(info.model.image_size);
  std::vector<std::int64_t> classes;
  for (const CertainError& error : wrong) {
    const std::size_t i = error.image;
    const std::vector<float> input = network_input(images.image(i), info);
    batch.images.insert(batch.images.end(), input.begin(), input.end());
    batch.indices.push_back(i);
    batch.labels.push_back(test->images->labels[i]);
    classes.push_back(static_cast<std::int64_t>(error.explained));
  }
  load_weights(checkpoint, network);
  std::vector<html::Thumbnail> result;
  const auto explanations = explain::explain(network, info, batch, classes, {}, device);
  for (std::size_t k = 0; k < wrong.size(); ++k) {
    const std::string& text = wrong[k].text;
    const std::string warning = explain::text_of(explain::warnings_about(explanations[k]));
    result.push_back(
        {{explanations[k].image, explain::overlay(explanations[k].image, explanations[k].grad_cam)},
         text,
         warning.empty() ? Markup(text) : Markup(text) + Markup::raw("<br/>") + Markup("Note: " + warning)});
  }
  return result;
}

}  // namespace xr::apps
