// A checkpoint as an ONNX file: the network with its probabilities, and all that is needed to use it.
#pragma once

#include <filesystem>
#include <string>

#include "apps/xrtrain/run/checkpoint.h"
#include "model/onnx/graph.h"

namespace xr::apps {

/// The graph, and the texts that go with it (docs/interchange.md).
struct OnnxExport {
  model::onnx::Graph graph;
  engine::Metadata metadata;
};

/// `image_input`: the graph takes bytes of the network's size instead of normalised values. Thresholds and
/// temperature are those that the run of `checkpoint` chose for it, if it did.
[[nodiscard]] OnnxExport make_onnx_export(LoadedCheckpoint& loaded, const std::filesystem::path& checkpoint,
                                          bool image_input);

}  // namespace xr::apps
