#include <fmt/format.h>
#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "apps/text/text.h"
#include "apps/xrtrain/commands/commands.h"
#include "apps/xrtrain/commands/predict_failures.h"
#include "apps/xrtrain/commands/predict_images.h"
#include "apps/xrtrain/commands/predict_output.h"
#include "apps/xrtrain/commands/prediction_printer.h"
#include "apps/xrtrain/commands/shared_predictions.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/evaluation/ensemble.h"
#include "apps/xrtrain/evaluation/evaluate.h"
#include "apps/xrtrain/evaluation/selection.h"
#include "apps/xrtrain/evaluation/views.h"
#include "apps/xrtrain/explain/explanation.h"
#include "apps/xrtrain/options/data_folders.h"
#include "apps/xrtrain/options/machine_options.h"
#include "apps/xrtrain/run/checkpoint.h"
#include "data/dataset/npz_dataset.h"
#include "engine/core/autograd.h"
#include "engine/distributed/broadcast_tensors.h"
#include "model/explain/grad_cam.h"
#include "model/fold_batch_norms.h"

namespace xr::apps {

namespace {

namespace fs = std::filesystem;

struct PredictOptions {
  std::string checkpoint;
  std::vector<std::string> images;  ///< and, before them, further networks
  PrintSettings print;
  std::string layer, class_name, skip_folders;
  MachineOptions machine;
  WaitOption wait;

  [[nodiscard]] std::int64_t batch_size() const { return machine.batch_size > 0 ? machine.batch_size : 60; }
};

/// A network and the temperature that its logits are divided by.
struct PredictNetwork {
  LoadedCheckpoint checkpoint;
  double temperature = 1.0;
};

class Predictor {
 public:
  Predictor(const PredictOptions& options, std::vector<PredictNetwork>& networks,
            const kernels::Device& device)
      : options_(options), networks_(networks), device_(device) {
    for (const PredictNetwork& one : networks) one.checkpoint.network->set_training(false);
    if (options.print.explain.empty()) {
      for (const PredictNetwork& one : networks) {
        const model::ModelSettings& of_one = one.checkpoint.info.model;
        model::fold_batch_norms(*one.checkpoint.network,
                                {of_one.channels, of_one.image_size, of_one.image_size});
      }
      return;
    }
    const LoadedCheckpoint& checkpoint = networks.front().checkpoint;  // the only one
    const std::vector<std::string>& names = checkpoint.info.class_names;
    if (!options.class_name.empty()) {
      const auto found = std::ranges::find(names, options.class_name);
      if (found == names.end())
        throw UsageError(fmt::format(
            "--class {} is not a {} of the checkpoint: use {}", text::one_line(options.class_name),
            checkpoint.info.task == data::Task::multi_label ? "label" : "class", fmt::join(names, " or ")));
      class_index_ = found - names.begin();
    }
    const model::ModelSettings& settings = checkpoint.info.model;
    layer_ = options.layer.empty()
                 ? model::explain::last_feature_layer(
                       *checkpoint.network, {1, settings.channels, settings.image_size, settings.image_size},
                       device)
                 : options.layer;
    if (checkpoint.network->find(layer_) == nullptr)
      throw UsageError(fmt::format("--layer {} is not a layer of the network: use one of {}",
                                   text::one_line(layer_),
                                   fmt::join(model::explain::convolution_layers(*checkpoint.network), ", ")));
  }

  /// The mean of the probabilities over networks and views.
  void predict(std::span<Prediction> predictions) {
    std::vector<fs::path> paths;
    for (const Prediction& prediction : predictions) paths.push_back(prediction.path);
    std::vector<PredictImage> images;
    const data::StoredFormat* format = nullptr;  // of the images
    for (const PredictNetwork& one : networks_) {
      const CheckpointInfo& info = one.checkpoint.info;
      if (format == nullptr || !(*format == info.format)) {
        images = read_images(paths, info.format);
        take_notes(images, predictions);
      }
      format = &info.format;
      for (std::int64_t view = 0; view < options_.print.views; ++view)
        add_probabilities(one, make_batch(images, info, view), predictions);
    }
    const auto count = static_cast<double>(options_.print.networks * options_.print.views);
    for (Prediction& prediction : predictions)
      for (double& value : prediction.probabilities) value /= count;
    if (!options_.print.explain.empty())
      draw(make_batch(images, networks_.front().checkpoint.info), predictions);
  }

  [[nodiscard]] const std::string& layer() const { return layer_; }

 private:
  static void take_notes(std::span<PredictImage> images, std::span<Prediction> predictions) {
    for (std::size_t i = 0; i < predictions.size(); ++i) {
      if (predictions[i].failure.empty()) predictions[i].failure = images[i].failure;
      predictions[i].notes = images[i].notes;
    }
  }

  void add_probabilities(const PredictNetwork& one, const data::Batch& batch,
                         std::span<Prediction> predictions) const {
    if (batch.count() == 0) return;
    const engine::NoGradGuard no_grad;
    const std::vector<float> logits = (*one.checkpoint.network)(to_tensor(batch, device_)).to_host();
    const std::size_t classes = one.checkpoint.info.class_names.size();
    for (std::size_t i = 0; i < batch.count(); ++i) {
      const std::span<const float> row = std::span(logits).subspan(i * classes, classes);
      std::vector<double>& sums = predictions[batch.indices[i]].probabilities;
      sums.resize(classes);
      if (one.checkpoint.info.task == data::Task::multi_label) {
        for (std::size_t l = 0; l < classes; ++l) sums[l] += sigmoid(row[l], one.temperature);
        continue;
      }
      const std::vector<double> of_image = probabilities(row, one.temperature);
      for (std::size_t c = 0; c < classes; ++c) sums[c] += of_image[c];
    }
  }

  void draw(const data::Batch& batch, std::span<Prediction> predictions) {
    if (batch.count() == 0) return;
    const LoadedCheckpoint& checkpoint = networks_.front().checkpoint;
    std::vector<std::int64_t> classes;
    for (const std::size_t index : batch.indices)
      classes.push_back(class_index_.value_or(static_cast<std::int64_t>(predictions[index].best())));
    const std::vector<explain::Explanation> explanations =
        explain::explain(*checkpoint.network, checkpoint.info, batch, classes,
                         {layer_, options_.print.occlusion, options_.batch_size()}, device_);
    for (std::size_t i = 0; i < explanations.size(); ++i) {
      Drawn drawn{{},
                  data::encode_png(explain::picture_of(explanations[i])),
                  checkpoint.info.class_names[explanations[i].class_index],
                  explain::warnings_about(explanations[i]),
                  explanations[i].central_share,
                  explanations[i].agreement,
                  explanations[i].coarse};
      predictions[batch.indices[i]].drawn = std::move(drawn);
    }
  }

  const PredictOptions& options_;
  std::vector<PredictNetwork>& networks_;
  kernels::Device device_;
  std::string layer_;
  std::optional<std::int64_t> class_index_;
};

/// Of several labels: those of the run that the checkpoint lies in; of an ensemble all are 0.5.
LabelThresholds thresholds_of(const std::vector<ChosenCheckpoint>& chosen, const CheckpointInfo& info) {
  if (info.task != data::Task::multi_label) return {};
  if (chosen.size() > 1) return {std::vector<double>(info.class_names.size(), 0.5)};
  return read_label_thresholds(fs::absolute(chosen.front().file).parent_path().parent_path(), info.epoch,
                               info.class_names);
}

/// Moves the networks that stand before the images, and finds their checkpoints.
std::vector<ChosenCheckpoint> take_networks(PredictOptions& options) {
  std::vector<std::string> arguments{options.checkpoint};
  std::vector<std::string>& images = options.images;
  const auto first_image = std::ranges::find_if_not(images, names_network);
  arguments.insert(arguments.end(), images.begin(), first_image);
  images.erase(images.begin(), first_image);
  if (images.empty())
    throw UsageError(fmt::format("IMAGE is missing: {} is a network", text::one_line(arguments.back())));
  return find_members(arguments);
}

/// Loads the networks, and says on standard error which they are.
std::vector<PredictNetwork> load_networks(const std::vector<ChosenCheckpoint>& chosen,
                                          const PredictOptions& options, const kernels::Device& device,
                                          Ranks& ranks) {
  std::vector<PredictNetwork> networks;
  const auto note = [&](const std::string& text) {
    if (ranks.is_first() && !text.empty()) print_aside("note", text);
  };
  if (chosen.size() == 1) {
    networks.push_back({load_checkpoint(chosen.front().file, device)});
    note(chosen.front().why);
  } else {
    const std::vector<EnsembleMember> members = read_members(chosen);
    note(fmt::format("ensemble of {} networks, mean of their probabilities", members.size()));
    for (const EnsembleMember& member : members) {
      networks.push_back({load_checkpoint(member.file, device), member.divisor()});
      note(member_text(member));
    }
  }
  for (const PredictNetwork& one : networks)
    if (ranks.are_several())
      engine::broadcast_tensors(*ranks.communicator(), one.checkpoint.network->state());
  if (options.print.views > 1) note(fmt::format("mean of {} views of each image", options.print.views));
  return networks;
}

/// The images that the command line names; what cannot be used goes to `failures`.
std::vector<std::string> find_all_images(const PredictOptions& options, PredictFailures& failures) {
  std::vector<std::string> images;
  const data::SkipFolders skip_folders = skip_folders_of(options.skip_folders);
  for (const std::string& name : options.images) {
    if (fs::path(name).extension() == ".npz" && data::is_npz(name)) {
      failures.add(name, fmt::format("{} holds a data set, not an image: use xrtrain eval RUN --data {}",
                                     name, text::shell_word(name)));
      continue;
    }
    require_outside("--explain", options.print.explain, fs::is_directory(name) ? name : "");
    try {
      const data::FoundImages found = data::find_images(name, skip_folders);
      for (const fs::path& path : found.images) images.push_back(path.string());
      print_passed_over(found);
    } catch (const std::exception& error) {  // the other images can still be predicted
      failures.add(name, error.what());
    }
  }
  return images;
}

/// Batches as one process cuts them; of each round of as many as there are ranks, each makes one. `take` gets them on
/// rank 0, in their order.
void predict_all(Predictor& predictor, std::span<Prediction> predictions, std::size_t batch_size,
                 Ranks& ranks, const std::function<void(std::span<Prediction>)>& take) {
  const auto size = static_cast<std::size_t>(ranks.size());
  const std::size_t rank =
      ranks.are_several() ? static_cast<std::size_t>(ranks.communicator()->rank()) : std::size_t{0};
  const auto batch = [&](std::size_t number) {
    const std::size_t begin = std::min(predictions.size(), number * batch_size);
    return predictions.subspan(begin, std::min(batch_size, predictions.size() - begin));
  };
  for (std::size_t round = 0; !batch(round).empty(); round += size) {
    const std::span<Prediction> own = batch(round + rank);
    if (!own.empty()) predictor.predict(own);
    std::vector<std::vector<std::byte>> parts;
    if (ranks.are_several())
      parts = ranks.communicator()->gather_parts(rank == 0 ? std::vector<std::byte>() : bytes_of(own));
    for (std::size_t r = 0; ranks.is_first() && r < size; ++r) {
      if (r > 0) read_predictions(parts[r], batch(round + r));
      take(batch(round + r));
    }
  }
}

int run_predict_as(Ranks& ranks, PredictOptions options) {
  ranks.require_same_command();
  ranks.set_timeout(options.wait.seconds);
  if (options.print.csv && options.print.json)
    throw UsageError("--csv and --json exclude each other: use one");
  if (options.print.explain.empty() &&
      (!options.layer.empty() || !options.class_name.empty() || options.print.occlusion))
    throw UsageError(
        "--layer, --class and --occlusion belong to --explain: give it the folder for the pictures");
  const std::vector<ChosenCheckpoint> chosen = take_networks(options);
  options.print.networks = static_cast<std::int64_t>(chosen.size());
  if (chosen.size() > 1 && !options.print.explain.empty())
    throw UsageError("--explain is about one network, and an ensemble has several: give one of them");
  const kernels::Device device = options.machine.apply(ranks);
  std::vector<PredictNetwork> networks = load_networks(chosen, options, device, ranks);
  const CheckpointInfo& info = networks.front().checkpoint.info;
  Predictor predictor(options, networks, device);
  PredictFailures failures(options.print.json);
  std::vector<Prediction> predictions;
  for (const std::string& image : ranks.texts_from_first([&] { return find_all_images(options, failures); }))
    predictions.push_back({image, {}, {}, {}, {}});
  const auto batch_size = static_cast<std::size_t>(options.batch_size());
  if (!ranks.is_first()) {
    predict_all(predictor, predictions, batch_size, ranks, {});
    ranks.leave();
    return exit_done;
  }
  PredictionPrinter printer(options.print, info.class_names, thresholds_of(chosen, info), predictions);
  PredictOutput output(options.print, printer, failures);
  predict_all(predictor, predictions, batch_size, ranks,
              [&](std::span<Prediction> batch) { output.take(batch); });
  ranks.leave();
  if (!predictions.empty()) output.require_header();
  if (std::ranges::any_of(predictions, [](const Prediction& p) { return p.failure.empty(); }))
    printer.legend(predictor.layer(), predictions);
  output.print_notes();
  return failures.finish() > 0 ? exit_data : exit_done;
}

int run_predict(const PredictOptions& options) {
  Ranks ranks;
  return ranks.run([&] { return run_predict_as(ranks, options); });
}

}  // namespace

void add_predict_command(command_line::Command app, Action& action) {
  command_line::Command command =
      app.subcommand("predict", "Predict the classes of images with a checkpoint");
  auto options = std::make_shared<PredictOptions>();
  command
      .option(
          "checkpoint", options->checkpoint,
          "A checkpoint, or the folder of a run: its selected checkpoint. Several of them, or a cross-validation, are an "
          "ensemble: the mean of their probabilities")
      .required()
      .type_name("CHECKPOINT");
  command.option("images", options->images, "Images, or folders of images").required().type_name("IMAGE");
  add_skip_folders(command, options->skip_folders);
  command.option("--tta", options->print.views, views_help).range(1, max_views).type_name("N");
  command.flag("--csv", options->print.csv, "Print CSV");
  command.flag("--json", options->print.json, "Print one JSON object per line");
  const char* const explaining = "Explanations";
  command.option("--explain", options->print.explain, "Write Grad-CAM maps into this folder")
      .type_name("DIR")
      .group(explaining);
  command.option("--layer", options->layer, "Layer of the map, by its name in the checkpoint")
      .show_default("the last with positions")
      .type_name("NAME")
      .group(explaining);
  command.option("--class", options->class_name, "Class or label to explain")
      .show_default("the predicted one")
      .type_name("NAME")
      .group(explaining);
  command.flag("--occlusion", options->print.occlusion, "Also write occlusion maps, as a check (slower)")
      .group(explaining);
  options->machine.add(command, "60");
  options->wait.add(command);
  command.example("a folder of images with the selected checkpoint of a run", "xrtrain predict run images");
  command.example("with Grad-CAM maps", "xrtrain predict run image.png --explain maps");
  command.example("a table for other programs", "xrtrain predict run images --csv > predictions.csv");
  command.when_chosen([&action, options] { action = [options] { return run_predict(*options); }; });
}

}  // namespace xr::apps
