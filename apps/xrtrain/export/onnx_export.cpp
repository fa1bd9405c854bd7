#include "apps/xrtrain/export/onnx_export.h"

#include <nlohmann/json.hpp>

#include "apps/text/text.h"
#include "apps/xrtrain/evaluation/selection.h"
#include "model/onnx/ends.h"

namespace xr::apps {

namespace {

/// Nothing unless the run chose this very checkpoint on validation images.
std::optional<Selection> selection_for(const std::filesystem::path& checkpoint, const CheckpointInfo& info) {
  std::optional<Selection> selection =
      read_selection(std::filesystem::absolute(checkpoint).parent_path().parent_path());
  if (selection && selection->checkpoint != info.epoch) return std::nullopt;
  return selection;
}

std::string thresholds_text(const Selection& selection) {
  nlohmann::json result = nlohmann::json::array();
  for (const Selection::Threshold& one : selection.thresholds) {
    nlohmann::json entry{{"rule", one.rule}, {"threshold", one.threshold}};
    if (one.wanted) entry["wanted"] = *one.wanted;
    entry["class"] = one.label.empty() ? selection.positive_class : one.label;
    result.push_back(entry);
  }
  return result.dump();
}

}  // namespace

OnnxExport make_onnx_export(LoadedCheckpoint& loaded, const std::filesystem::path& checkpoint,
                            bool image_input) {
  const CheckpointInfo& info = loaded.info;
  const model::ModelSettings& settings = info.model;
  const std::optional<Selection> selection = selection_for(checkpoint, info);
  OnnxExport result{model::onnx::trace_graph(*loaded.network,
                                             {settings.channels, settings.image_size, settings.image_size}),
                    to_metadata(info)};
  model::onnx::fold_batch_norms(result.graph);
  if (image_input)
    model::onnx::add_image_input(result.graph, info.normalization.mean, info.normalization.deviation);
  model::onnx::add_probabilities(result.graph,
                                 info.task == data::Task::multi_label
                                     ? model::onnx::Probabilities::of_labels
                                     : model::onnx::Probabilities::of_classes,
                                 selection ? selection->temperature : std::nullopt);
  result.metadata.erase("format");  // of safetensors
  result.metadata["input"] = image_input ? "bytes" : "normalized";
  if (selection) {
    result.metadata["thresholds"] = thresholds_text(*selection);
    if (selection->temperature) result.metadata["temperature"] = text::number_text(*selection->temperature);
  }
  return result;
}

}  // namespace xr::apps
