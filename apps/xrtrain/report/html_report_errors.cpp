// The most certain errors of report.html.
#include <algorithm>

#include "apps/xrtrain/explain/explanation.h"
#include "apps/xrtrain/explain/overlay.h"
#include "apps/xrtrain/report/html_report.h"
#include "apps/xrtrain/run/run_folder.h"
#include "data/loader/augment.h"

namespace xr::apps {

using html::Markup;

std::vector<html::Thumbnail> certain_errors(model::Module& network, const CheckpointInfo& info,
                                            const data::ImageSet& images, const Predictions& predictions,
                                            const EvaluationDetails& details,
                                            const std::filesystem::path& run, const kernels::Device& device,
                                            std::size_t most) {
  const SplitPredictions* test = predictions.find(details.selected.checkpoint, "test");
  const std::filesystem::path checkpoint = checkpoint_path(run, details.selected.checkpoint);
  if (test == nullptr || !test->finite() || !std::filesystem::exists(checkpoint)) return {};
  const statistics::ProbabilityTable table = test->table();
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
    const std::string warning = explain::text_of(explain::warnings_about(explanations[k]));
    result.push_back(
        {{explanations[k].image, explain::overlay(explanations[k].image, explanations[k].grad_cam)},
         text,
         warning.empty() ? Markup(text) : Markup(text) + Markup::raw("<br/>") + Markup("Note: " + warning)});
  }
  return result;
}

}  // namespace xr::apps
