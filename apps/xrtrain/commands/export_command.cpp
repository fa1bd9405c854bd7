#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>

#include "apps/text/text.h"
#include "apps/xrtrain/commands/commands.h"
#include "apps/xrtrain/console.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/evaluation/chosen_checkpoint.h"
#include "apps/xrtrain/export/onnx_export.h"
#include "model/onnx/write.h"

namespace xr::apps {

namespace {

namespace fs = std::filesystem;

struct ExportOptions {
  std::string checkpoint, onnx, safetensors;
  bool image_input = false;
};

/// Writing over the checkpoint would lose what it says of itself.
void require_other_file(const char* option, const std::string& file, const fs::path& checkpoint) {
  std::error_code code;
  if (!file.empty() && fs::equivalent(file, checkpoint, code))
    throw UsageError(fmt::format("{} {} is the checkpoint itself: give another file", option, file));
}

std::string value_text(const model::onnx::Value& value) {
  std::string extents;
  for (const std::int64_t extent : value.shape)
    extents += (extents.empty() ? "" : ", ") + (extent < 0 ? std::string("batch") : std::to_string(extent));
  return fmt::format("{} ({})", value.name, extents);
}

void print_written(const fs::path& file, const std::string& what) {
  print(fmt::format("Written: {}, {}, {}\n", text::one_line(file.string()),
                    text::size_text(fs::file_size(file)), what));
}

void export_onnx(LoadedCheckpoint& loaded, const fs::path& checkpoint, const ExportOptions& options) {
  const OnnxExport exported = make_onnx_export(loaded, checkpoint, options.image_input);
  model::onnx::write(options.onnx, exported.graph,
                     {"xrtrain", XR_VERSION, loaded.info.model.name, exported.metadata});
  std::vector<std::string> outputs;
  for (const model::onnx::Value& output : exported.graph.outputs) outputs.push_back(value_text(output));
  print_written(options.onnx, fmt::format("input {}, outputs {}", value_text(exported.graph.input),
                                          fmt::join(outputs, ", ")));
}

void export_safetensors(const LoadedCheckpoint& loaded, const fs::path& file) {
  const std::vector<engine::NamedTensor> state = loaded.network->state();
  engine::save_safetensors(file, state, {{"format", "pt"}});
  print_written(file, fmt::format("{} tensors with the names of {}", state.size(), loaded.info.model.name));
}

int run_export(const ExportOptions& options) {
  if (options.onnx.empty() && options.safetensors.empty())
    throw UsageError("nothing to write: use --onnx FILE or --safetensors FILE");
  if (options.image_input && options.onnx.empty())
    throw UsageError("--image-input belongs to --onnx: give it a file");
  const ChosenCheckpoint chosen = find_checkpoint(options.checkpoint);
  require_other_file("--onnx", options.onnx, chosen.file);
  require_other_file("--safetensors", options.safetensors, chosen.file);
  LoadedCheckpoint loaded = load_checkpoint(chosen.file, {});
  if (!chosen.why.empty()) print_aside("note", chosen.why);
  if (!options.onnx.empty()) export_onnx(loaded, chosen.file, options);
  if (!options.safetensors.empty()) export_safetensors(loaded, options.safetensors);
  return exit_done;
}

}  // namespace

void add_export_command(command_line::Command app, Action& action) {
  command_line::Command command = app.subcommand("export", "Export a checkpoint to ONNX or safetensors");
  auto options = std::make_shared<ExportOptions>();
  command
      .option("checkpoint", options->checkpoint,
              "A checkpoint, or the folder of a run: its selected checkpoint")
      .required()
      .type_name("CHECKPOINT");
  command
      .option("--onnx", options->onnx,
              "Write the network with its probabilities as ONNX, with batch norm folded")
      .type_name("FILE");
  command.flag("--image-input", options->image_input,
               "ONNX: the input is bytes of an image of the network's size, not normalized values");
  command.option("--safetensors", options->safetensors, "Write the weights alone, with PyTorch's names")
      .type_name("FILE");
  command.example("the weights for PyTorch", "xrtrain export run --safetensors weights.safetensors");
  command.example("the network for ONNX Runtime", "xrtrain export run --onnx network.onnx --image-input");
  command.when_chosen([&action, options] { action = [options] { return run_export(*options); }; });
}

}  // namespace xr::apps
