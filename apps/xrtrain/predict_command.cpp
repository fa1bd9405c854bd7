#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "apps/xrtrain/checkpoint.h"
#include "apps/xrtrain/commands.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/evaluate.h"
#include "apps/xrtrain/machine_options.h"
#include "apps/xrtrain/text.h"
#include "engine/autograd.h"
#include "kernels/cpu/parallel.h"

namespace xr::apps {

namespace {

namespace fs = std::filesystem;

struct PredictOptions {
  std::string checkpoint;
  std::vector<std::string> images;
  bool csv = false, json = false;
  MachineOptions machine;
};

struct Prediction {
  fs::path path;
  std::string failure;  ///< why there is none
  std::vector<double> probabilities;

  [[nodiscard]] std::size_t best() const {
    return static_cast<std::size_t>(std::ranges::max_element(probabilities) - probabilities.begin());
  }
};

/// Decodes images, all cores at once, into a batch; leaves out, with the reason, those that cannot be.
data::Batch decode(std::span<Prediction> predictions, const CheckpointInfo& info) {
  const Preprocessing preprocessing = preprocessing_of(info);
  const int size = static_cast<int>(info.model.image_size), channels = static_cast<int>(info.model.channels);
  const std::size_t image = static_cast<std::size_t>(channels) * size * size;
  std::vector<std::vector<float>> inputs(predictions.size());
  kernels::cpu::parallel_for(static_cast<std::int64_t>(predictions.size()), [&](std::int64_t i) {
    Prediction& prediction = predictions[static_cast<std::size_t>(i)];
    try {
      const std::vector<std::uint8_t> pixels = data::load_image(prediction.path, info.format);
      const int stored = info.format.size;
      const data::AugmentDraw draw =
          data::draw_augmentation(preprocessing.evaluation_augment, stored, stored, 0, 0, 0);
      std::vector<float> input(image);
      data::Augmenter(preprocessing.evaluation_augment, size).apply(pixels, channels, stored, draw, input);
      inputs[static_cast<std::size_t>(i)] = std::move(input);
    } catch (const std::bad_alloc&) {
      prediction.failure = fmt::format("not enough memory to decode {}", prediction.path.string());
    } catch (const std::exception& error) {
      prediction.failure = error.what();
    }
  });
  data::Batch batch;
  batch.channels = channels;
  batch.size = size;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].empty()) continue;
    batch.images.insert(batch.images.end(), inputs[i].begin(), inputs[i].end());
    batch.indices.push_back(i);
    batch.labels.push_back(0);
  }
  return batch;
}

void predict(std::span<Prediction> predictions, LoadedCheckpoint& checkpoint, const kernels::Device& device) {
  const data::Batch batch = decode(predictions, checkpoint.info);
  if (batch.count() == 0) return;
  const std::vector<float> logits = checkpoint.network->forward(to_tensor(batch, device)).to_host();
  const std::size_t classes = checkpoint.info.class_names.size();
  for (std::size_t i = 0; i < batch.count(); ++i)
    predictions[batch.indices[i]].probabilities =
        probabilities(std::span(logits).subspan(i * classes, classes));
}

/// Rows in the chosen format.
class Printer {
 public:
  Printer(const PredictOptions& options, const std::vector<std::string>& class_names,
          const std::vector<Prediction>& predictions)
      : options_(options), names_(class_names) {
    for (const Prediction& prediction : predictions)
      file_width_ = std::max(file_width_, one_line(prediction.path.string()).size());
    for (const std::string& name : names_) class_width_ = std::max(class_width_, one_line(name).size());
  }

  void header() const {
    if (options_.json) return;
    std::string text = options_.csv
                           ? "file,class"
                           : fmt::format("{:<{}}  {:<{}}", "file", file_width_, "class", class_width_);
    for (const std::string& name : names_)
      text += options_.csv ? "," + csv_field("p(" + name + ")")
                           : fmt::format("  {:>{}}", "p(" + one_line(name) + ")", column_width(name));
    print(text + '\n');
  }

  void row(const Prediction& prediction) const {
    const std::string file = prediction.path.string(), &name = names_[prediction.best()];
    if (options_.json) {
      nlohmann::json probabilities;
      for (std::size_t c = 0; c < names_.size(); ++c) probabilities[names_[c]] = prediction.probabilities[c];
      return print(json_text({{"file", file}, {"class", name}, {"probabilities", probabilities}}) + '\n');
    }
    std::string text = options_.csv ? csv_field(file) + ',' + csv_field(name)
                                    : fmt::format("{:<{}}  {:<{}}", one_line(file), file_width_,
                                                  one_line(name), class_width_);
    for (std::size_t c = 0; c < names_.size(); ++c)
      text += options_.csv ? fmt::format(",{:.6f}", prediction.probabilities[c])
                           : fmt::format("  {:>{}.4f}", prediction.probabilities[c], column_width(names_[c]));
    print(text + '\n');
  }

 private:
  static std::size_t column_width(const std::string& name) {
    return std::max<std::size_t>(6, one_line(name).size() + 3);
  }

  const PredictOptions& options_;
  const std::vector<std::string>& names_;
  std::size_t file_width_ = 4, class_width_ = 5;
};

int run_predict(const PredictOptions& options) {
  if (options.csv && options.json) throw UsageError("--csv and --json exclude each other: use one");
  const kernels::Device device = options.machine.apply();
  LoadedCheckpoint checkpoint = load_checkpoint(options.checkpoint, device);
  checkpoint.network->set_training(false);
  std::size_t failures = 0;
  const auto tell_failure = [&](const std::string& reason) {
    ++failures;
    (void)std::fputs(fmt::format("xrtrain: error: {}\n", one_line(reason)).c_str(), stderr);
  };
  std::vector<Prediction> predictions;
  for (const std::string& name : options.images) {
    try {
      for (const fs::path& path : data::find_images(name)) predictions.push_back({path, {}, {}});
    } catch (const std::exception& error) {  // the other images can still be predicted
      tell_failure(error.what());
    }
  }
  const Printer printer(options, checkpoint.info.class_names, predictions);
  if (!predictions.empty()) printer.header();
  const engine::NoGradGuard no_grad;
  const auto batch_size = static_cast<std::size_t>(options.machine.batch_size);
  for (std::size_t i = 0; i < predictions.size(); i += batch_size) {
    const std::span batch = std::span(predictions).subspan(i, std::min(batch_size, predictions.size() - i));
    predict(batch, checkpoint, device);
    for (const Prediction& prediction : batch) {
      if (prediction.failure.empty())
        printer.row(prediction);
      else
        tell_failure(prediction.failure);
    }
  }
  return failures > 0 ? exit_data : exit_done;
}

}  // namespace

void add_predict_command(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("predict", "Predict the classes of images with a checkpoint");
  auto options = std::make_shared<PredictOptions>();
  command->add_option("checkpoint", options->checkpoint, "A .safetensors file of a run")
      ->required()
      ->type_name("CHECKPOINT");
  command->add_option("images", options->images, "Images, or folders of images")
      ->required()
      ->type_name("IMAGE");
  command->add_flag("--csv", options->csv, "Print comma-separated values");
  command->add_flag("--json", options->json, "Print a JSON object a line");
  options->machine.add(*command);
  command->callback([&action, options] { action = [options] { return run_predict(*options); }; });
}

}  // namespace xr::apps
