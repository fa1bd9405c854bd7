#include <fmt/format.h>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "apps/text/text.h"
#include "apps/xrtrain/commands/commands.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/evaluation/evaluate.h"
#include "apps/xrtrain/explain/explanation.h"
#include "apps/xrtrain/options/machine_options.h"
#include "apps/xrtrain/run/checkpoint.h"
#include "engine/core/autograd.h"
#include "kernels/common/parallel.h"
#include "model/explain/grad_cam.h"

namespace xr::apps {

namespace {

namespace fs = std::filesystem;

struct PredictOptions {
  std::string checkpoint;
  std::vector<std::string> images;
  bool csv = false, json = false;
  std::string explain;  ///< folder of the overlays; empty: none
  std::string layer, class_name;
  bool occlusion = false;
  MachineOptions machine;
};

/// Of the picture that explains a prediction.
struct Drawn {
  fs::path file;
  std::string class_name;
  std::vector<explain::MapWarning> warnings;
  std::optional<double> central_share, agreement;
  bool coarse = false;  ///< see explain::Explanation
};

struct Prediction {
  fs::path path;
  std::string failure;  ///< why there is none
  std::vector<double> probabilities;
  std::optional<Drawn> drawn;

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
  kernels::parallel_for(static_cast<std::int64_t>(predictions.size()), [&](std::int64_t i) {
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

/// A name in the folder that no earlier picture of this run has.
fs::path picture_file(const fs::path& folder, const fs::path& image, std::set<std::string>& taken) {
  const std::string stem = image.stem().string();
  std::string name = stem + ".png";
  for (int i = 2; !taken.insert(name).second; ++i) name = fmt::format("{}-{}.png", stem, i);
  return folder / name;
}

class Predictor {
 public:
  Predictor(const PredictOptions& options, LoadedCheckpoint& checkpoint, const kernels::Device& device)
      : options_(options), checkpoint_(checkpoint), device_(device) {
    checkpoint.network->set_training(false);
    if (options.explain.empty()) return;
    const std::vector<std::string>& names = checkpoint.info.class_names;
    if (!options.class_name.empty()) {
      const auto found = std::ranges::find(names, options.class_name);
      if (found == names.end())
        throw UsageError(fmt::format("--class {} is no class of the checkpoint: use {}",
                                     text::one_line(options.class_name), fmt::join(names, " or ")));
      class_index_ = found - names.begin();
    }
    const model::ModelSettings& settings = checkpoint.info.model;
    layer_ = options.layer.empty()
                 ? model::explain::last_feature_layer(
                       *checkpoint.network, {1, settings.channels, settings.image_size, settings.image_size},
                       device)
                 : options.layer;
    if (checkpoint.network->find(layer_) == nullptr)
      throw UsageError(fmt::format("--layer {} is no layer of the network: use one of {}",
                                   text::one_line(layer_),
                                   fmt::join(model::explain::convolution_layers(*checkpoint.network), ", ")));
    std::error_code code;
    fs::create_directories(options.explain, code);
    XR_CHECK(!code, "cannot make the folder {}: {}", options.explain, code.message());
  }

  void predict(std::span<Prediction> predictions) {
    const data::Batch batch = decode(predictions, checkpoint_.info);
    if (batch.count() == 0) return;
    {
      const engine::NoGradGuard no_grad;
      const std::vector<float> logits = (*checkpoint_.network)(to_tensor(batch, device_)).to_host();
      const std::size_t classes = checkpoint_.info.class_names.size();
      for (std::size_t i = 0; i < batch.count(); ++i)
        predictions[batch.indices[i]].probabilities =
            probabilities(std::span(logits).subspan(i * classes, classes));
    }
    if (!options_.explain.empty()) draw(batch, predictions);
  }

  [[nodiscard]] const std::string& layer() const { return layer_; }

 private:
  void draw(const data::Batch& batch, std::span<Prediction> predictions) {
    std::vector<std::int64_t> classes;
    for (const std::size_t index : batch.indices)
      classes.push_back(class_index_.value_or(static_cast<std::int64_t>(predictions[index].best())));
    const std::vector<explain::Explanation> explanations =
        explain::explain(*checkpoint_.network, checkpoint_.info, batch, classes,
                         {layer_, options_.occlusion, options_.machine.batch_size}, device_);
    for (std::size_t i = 0; i < explanations.size(); ++i) {
      Prediction& prediction = predictions[batch.indices[i]];
      Drawn drawn{picture_file(options_.explain, prediction.path, taken_),
                  checkpoint_.info.class_names[explanations[i].class_index],
                  explain::warnings_about(explanations[i]),
                  explanations[i].central_share,
                  explanations[i].agreement,
                  explanations[i].coarse};
      data::write_png(drawn.file, explain::picture_of(explanations[i]));
      prediction.drawn = std::move(drawn);
    }
  }

  const PredictOptions& options_;
  LoadedCheckpoint& checkpoint_;
  kernels::Device device_;
  std::string layer_;
  std::optional<std::int64_t> class_index_;
  std::set<std::string> taken_;
};

/// Rows in the chosen format.
class Printer {
 public:
  Printer(const PredictOptions& options, const std::vector<std::string>& class_names,
          const std::vector<Prediction>& predictions)
      : options_(options), names_(class_names) {
    for (const Prediction& prediction : predictions)
      file_width_ = std::max(file_width_, text::one_line(prediction.path.string()).size());
    for (const std::string& name : names_) class_width_ = std::max(class_width_, text::one_line(name).size());
  }

  void header() const {
    if (options_.json) return;
    std::string text = options_.csv
                           ? "file,class"
                           : fmt::format("{:<{}}  {:<{}}", "file", file_width_, "class", class_width_);
    for (const std::string& name : names_)
      text += options_.csv ? "," + text::csv_field("p(" + name + ")")
                           : fmt::format("  {:>{}}", "p(" + text::one_line(name) + ")", column_width(name));
    if (!options_.explain.empty()) {
      text += options_.csv ? ",explained,central_share" : "  centre";
      if (options_.occlusion) text += options_.csv ? ",occlusion_agreement" : "  agreement";
      text += options_.csv ? ",picture,warning" : "  picture";
    }
    print(text + '\n');
  }

  void row(const Prediction& prediction) const {
    const std::string file = prediction.path.string(), &name = names_[prediction.best()];
    if (options_.json) {
      nlohmann::json probabilities;
      for (std::size_t c = 0; c < names_.size(); ++c) probabilities[names_[c]] = prediction.probabilities[c];
      nlohmann::json row{{"file", file}, {"class", name}, {"probabilities", probabilities}};
      if (prediction.drawn) row["explanation"] = explanation_json(*prediction.drawn);
      return print(json_text(row) + '\n');
    }
    std::string text = options_.csv ? text::csv_field(file) + ',' + text::csv_field(name)
                                    : fmt::format("{:<{}}  {:<{}}", text::one_line(file), file_width_,
                                                  text::one_line(name), class_width_);
    for (std::size_t c = 0; c < names_.size(); ++c)
      text += options_.csv ? fmt::format(",{:.6f}", prediction.probabilities[c])
                           : fmt::format("  {:>{}.4f}", prediction.probabilities[c], column_width(names_[c]));
    if (prediction.drawn) text += explanation_text(*prediction.drawn);
    print(text + '\n');
  }

  /// What the columns of the explanations mean, below a table.
  void legend(const std::string& layer, const std::vector<Prediction>& predictions) const {
    if (options_.explain.empty()) return;
    if (std::ranges::any_of(predictions, [](const Prediction& p) { return p.drawn && p.drawn->coarse; }))
      (void)std::fputs(
          fmt::format("xrtrain: warning: the map of layer {} has fewer than {} cells a side, too coarse to "
                      "tell how much of it lies on the border: use an earlier --layer or larger images\n",
                      layer, explain::min_map_side)
              .c_str(),
          stderr);
    if (options_.csv || options_.json) return;
    print(fmt::format(
        "centre: share of the Grad-CAM map of layer {} in the middle of the image (three quarters of "
        "each side); an even map has {:.0f} %\n",
        layer, 100.0 * model::explain::central_area));
    if (options_.occlusion)
      print(
          "agreement: correlation of the Grad-CAM map with what covering parts of the image shows; 1 is the "
          "same\n");
    print(fmt::format("pictures in {}: the image, Grad-CAM{}; colours from 0 to the largest value\n",
                      options_.explain, options_.occlusion ? ", occlusion map" : ""));
  }

 private:
  static nlohmann::json number_or_null(const std::optional<double>& value) {
    return value ? nlohmann::json(*value) : nlohmann::json();
  }
  [[nodiscard]] nlohmann::json explanation_json(const Drawn& drawn) const {
    nlohmann::json result{{"class", drawn.class_name},
                          {"central_share", number_or_null(drawn.central_share)},
                          {"picture", drawn.file.string()}};
    result["warning"] = drawn.warnings.empty() ? nlohmann::json() : nlohmann::json(text_of(drawn.warnings));
    result["warning_ids"] = nlohmann::json::array();
    for (const explain::MapWarning& warning : drawn.warnings) result["warning_ids"].push_back(warning.id);
    if (options_.occlusion) result["occlusion_agreement"] = number_or_null(drawn.agreement);
    return result;
  }
  [[nodiscard]] std::string explanation_text(const Drawn& drawn) const {
    const auto number = [](const std::optional<double>& value, const char* format) {
      return value ? fmt::format(fmt::runtime(format), *value) : std::string();
    };
    const auto dash = [](const std::string& text) { return text.empty() ? "-" : text; };
    const std::string file = drawn.file.string();
    if (options_.csv)
      return fmt::format(",{},{}{},{},{}", text::csv_field(drawn.class_name),
                         number(drawn.central_share, "{:.4f}"),
                         options_.occlusion ? "," + number(drawn.agreement, "{:.4f}") : "",
                         text::csv_field(file), text::csv_field(text_of(drawn.warnings)));
    std::string text = fmt::format(
        "  {:>6}", dash(drawn.central_share ? fmt::format("{:.0f} %", 100.0 * *drawn.central_share) : ""));
    if (options_.occlusion) text += fmt::format("  {:>9}", dash(number(drawn.agreement, "{:.2f}")));
    return text + "  " + text::one_line(drawn.file.filename().string());
  }

  static std::size_t column_width(const std::string& name) {
    return std::max<std::size_t>(6, text::one_line(name).size() + 3);
  }

  const PredictOptions& options_;
  const std::vector<std::string>& names_;
  std::size_t file_width_ = 4, class_width_ = 5;
};

int run_predict(const PredictOptions& options) {
  if (options.csv && options.json) throw UsageError("--csv and --json exclude each other: use one");
  if (options.explain.empty() && (!options.layer.empty() || !options.class_name.empty() || options.occlusion))
    throw UsageError(
        "--layer, --class and --occlusion belong to --explain: give it the folder for the pictures");
  const kernels::Device device = options.machine.apply();
  LoadedCheckpoint checkpoint = load_checkpoint(options.checkpoint, device);
  Predictor predictor(options, checkpoint, device);
  std::size_t failures = 0;
  const auto tell_failure = [&](const std::string& reason) {
    ++failures;
    (void)std::fputs(fmt::format("xrtrain: error: {}\n", text::one_line(reason)).c_str(), stderr);
  };
  std::vector<Prediction> predictions;
  for (const std::string& name : options.images) {
    try {
      for (const fs::path& path : data::find_images(name)) predictions.push_back({path, {}, {}, {}});
    } catch (const std::exception& error) {  // the other images can still be predicted
      tell_failure(error.what());
    }
  }
  const Printer printer(options, checkpoint.info.class_names, predictions);
  if (!predictions.empty()) printer.header();
  const auto batch_size = static_cast<std::size_t>(options.machine.batch_size);
  for (std::size_t i = 0; i < predictions.size(); i += batch_size) {
    const std::span batch = std::span(predictions).subspan(i, std::min(batch_size, predictions.size() - i));
    predictor.predict(batch);
    for (const Prediction& prediction : batch) {
      if (prediction.failure.empty())
        printer.row(prediction);
      else
        tell_failure(prediction.failure);
      if (prediction.drawn && !prediction.drawn->warnings.empty())
        (void)std::fputs(fmt::format("xrtrain: warning: {}: {}\n", text::one_line(prediction.path.string()),
                                     text_of(prediction.drawn->warnings))
                             .c_str(),
                         stderr);
    }
  }
  if (!predictions.empty()) printer.legend(predictor.layer(), predictions);
  return failures > 0 ? exit_data : exit_done;
}

}  // namespace

void add_predict_command(command_line::Command app, Action& action) {
  command_line::Command command =
      app.subcommand("predict", "Predict the classes of images with a checkpoint");
  auto options = std::make_shared<PredictOptions>();
  command.option("checkpoint", options->checkpoint, "A .safetensors file of a run")
      .required()
      .type_name("CHECKPOINT");
  command.option("images", options->images, "Images, or folders of images").required().type_name("IMAGE");
  command.flag("--csv", options->csv, "Print comma-separated values");
  command.flag("--json", options->json, "Print a JSON object a line");
  const char* const explaining = "Explanations";
  command
      .option("--explain", options->explain,
              "Write pictures into this folder of where the network finds its evidence (Grad-CAM)")
      .type_name("DIR")
      .group(explaining);
  command
      .option("--layer", options->layer,
              "Layer to look at, by its name in the checkpoint [default: the last with positions]")
      .type_name("NAME")
      .group(explaining);
  command.option("--class", options->class_name, "Class to explain [default: the predicted one]")
      .type_name("NAME")
      .group(explaining);
  command
      .flag("--occlusion", options->occlusion,
            "Cover one part of the image after the other too, as a check (slower)")
      .group(explaining);
  options->machine.add(command);
  command.when_chosen([&action, options] { action = [options] { return run_predict(*options); }; });
}

}  // namespace xr::apps
