#include "apps/xrtrain/run/checkpoint_facts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "apps/text/text.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/run/checkpoint.h"
#include "apps/xrtrain/run/provenance.h"

namespace xr::apps {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

json preprocessing_facts(const CheckpointInfo& info) {
  const engine::Metadata metadata = to_metadata(info);
  const auto optional = [&](const char* key) {
    const auto found = metadata.find(key);
    return found == metadata.end() ? json() : json(found->second);
  };
  return {{"channels", info.model.channels},
          {"image_size", info.model.image_size},
          {"stored_shape", metadata.at("stored_shape")},
          {"stored_size", info.format.size},
          {"interpolation", metadata.at("interpolation")},
          {"mask", optional("stored_mask")},
          {"sample_depths", optional("sample_depths")},
          {"mean", json::parse(metadata.at("mean"))},
          {"deviation", json::parse(metadata.at("deviation"))}};
}

/// Null for a checkpoint outside of a run, or whose run has no provenance.json.
json image_facts(const fs::path& run) {
  const std::optional<Provenance> provenance = read_provenance(run / "provenance.json");
  if (!provenance) return nullptr;
  json splits = json::array();
  for (const SplitFacts& split : provenance->data.splits)
    splits.push_back({{"split", split.name}, {"images", split.total()}, {"by_class", split.images}});
  return splits;
}

/// Of RUN/metrics.json: the results of this checkpoint by split, and whether it is the chosen one. Null without one.
json result_facts(const fs::path& run, std::int64_t epoch) {
  const fs::path path = run / "metrics.json";
  std::ifstream file(path);
  if (!file) return nullptr;
  const std::string name = fmt::format("{:02d}", epoch);
  try {
    const json metrics = json::parse(file);
    const json& chosen = metrics.at("chosen");
    json result = {{"chosen", chosen.at("checkpoint") == name}, {"splits", json::array()}};
    if (result["chosen"] == true) {
      result["chosen_on"] = chosen.at("on");
      result["thresholds"] = chosen.at("thresholds");
      result["temperature"] =
          chosen.at("temperature").is_null() ? json() : chosen.at("temperature").at("value");
    }
    for (const json& one : metrics.at("checkpoints"))
      if (one.at("checkpoint") == name)
        result["splits"].push_back({{"split", one.at("split")}, {"metrics", one.at("metrics")}});
    return result;
  } catch (const json::exception&) {
    throw DataError(fmt::format("{} is damaged: write it again with xrtrain eval {}", path.string(),
                                text::shell_word(run.string())));
  }
}

/// "0.485, 0.456, 0.406"
std::string channels_text(const json& values) {
  std::vector<std::string> texts;
  for (const json& value : values) texts.push_back(fmt::format("{:.4g}", value.get<double>()));
  return fmt::format("{}", fmt::join(texts, ", "));
}

std::string preprocessing_text(const json& facts) {
  const std::string shape = facts["stored_shape"] == "square" ? "resized to" : "short side resized to";
  return fmt::format(
      "preprocessing: {}, {} {}, network input {} x {}; values 0 to 1, mean {}, standard deviation {}{}\n",
      facts["channels"] == 1 ? "grey" : "colour", shape, facts["stored_size"].get<int>(),
      facts["image_size"].get<int>(), facts["image_size"].get<int>(), channels_text(facts["mean"]),
      channels_text(facts["deviation"]),
      facts["mask"].is_null() ? "" : fmt::format("; masked: {}", facts["mask"].get<std::string>()));
}

std::string images_text(const json& images) {
  std::vector<std::string> parts;
  for (const json& split : images)
    parts.push_back(
        fmt::format("{} {}", split["images"].get<std::int64_t>(), split["split"].get<std::string>()));
  return fmt::format("images: {}\n", fmt::join(parts, ", "));
}

/// "accuracy 0.895 (77/86, 95% CI 0.813-0.944)"
std::string metric_text(const std::string& name, const json& metric) {
  if (metric["value"].is_null()) return {};
  std::string inside = metric.contains("part") ? fmt::format("{}/{}", metric["part"].get<std::int64_t>(),
                                                             metric["whole"].get<std::int64_t>())
                                               : "";
  if (const json& interval = metric["interval_95"]; !interval.is_null())
    inside += fmt::format("{}95% CI {:.3f}-{:.3f}", inside.empty() ? "" : ", ", interval[0].get<double>(),
                          interval[1].get<double>());
  return fmt::format("{} {:.3f}{}", name, metric["value"].get<double>(),
                     inside.empty() ? "" : fmt::format(" ({})", inside));
}

std::string results_text(const json& results) {
  std::string text;
  for (const json& split : results["splits"]) {
    if (split["metrics"].is_null()) continue;
    std::vector<std::string> parts;
    constexpr std::pair<const char*, const char*> shown[] = {
        {"accuracy", "accuracy"}, {"auroc", "AUROC"}, {"mean_auroc", "mean AUROC"}};
    for (const auto& [key, name] : shown)
      if (split["metrics"].contains(key))
        if (const std::string part = metric_text(name, split["metrics"][key]); !part.empty())
          parts.push_back(part);
    if (!parts.empty())
      text += fmt::format("{}: {}\n", split["split"].get<std::string>(), fmt::join(parts, ", "));
  }
  if (results["chosen"] != true) return text + "selection: the run selected another checkpoint\n";
  text += fmt::format("selection: selected by the run ({})\n", results["chosen_on"].get<std::string>());
  if (!results["temperature"].is_null())
    text += fmt::format("temperature: {:.3f}\n", results["temperature"].get<double>());
  return text;
}

}  // namespace

json checkpoint_facts(const fs::path& checkpoint) {
  const CheckpointInfo info = errors_as<DataError>([&] {
    const engine::SafetensorsFile file(checkpoint);
    return read_info(file, checkpoint);
  });
  const fs::path run = fs::absolute(checkpoint).parent_path().parent_path();
  return {{"checkpoint", checkpoint.string()},
          {"bytes", fs::file_size(checkpoint)},
          {"model", info.model.name},
          {"parameters", model::parameter_count(info.model)},
          {"task", info.task == data::Task::multi_label ? "multi-label" : "multi-class"},
          {"classes", info.class_names},
          {"preprocessing", preprocessing_facts(info)},
          {"epoch", info.epoch},
          {"train_loss", std::isfinite(info.train_loss) ? json(info.train_loss) : json()},
          {"train_accuracy", std::isfinite(info.train_accuracy) ? json(info.train_accuracy) : json()},
          {"averaged", info.averaged},
          {"ema_decay", info.ema_decay > 0 ? json(info.ema_decay) : json()},
          {"data", info.data},
          {"images", image_facts(run)},
          {"results", result_facts(run, info.epoch)}};
}

std::string checkpoint_facts_text(const json& facts) {
  std::vector<std::string> classes;
  for (const json& name : facts["classes"]) classes.push_back(text::one_line(name.get<std::string>()));
  std::string result =
      fmt::format("checkpoint: {}, {}, after epoch {} (they count from 0)\n",
                  text::one_line(facts["checkpoint"].get<std::string>()),
                  text::size_text(facts["bytes"].get<std::uint64_t>()), facts["epoch"].get<std::int64_t>());
  result += fmt::format("network: {}, {} parameters\n", facts["model"].get<std::string>(),
                        facts["parameters"].get<std::int64_t>());
  result += fmt::format("{}: {}\n", facts["task"] == "multi-label" ? "labels" : "classes",
                        fmt::join(classes, ", "));
  result += preprocessing_text(facts["preprocessing"]);
  if (!facts["train_loss"].is_null())
    result += fmt::format("training: loss {:.4f}, accuracy {:.4f}\n", facts["train_loss"].get<double>(),
                          facts["train_accuracy"].get<double>());
  if (!facts["averaged"].empty())
    result += fmt::format("weights: mean of {} checkpoints: {}\n", facts["averaged"].size(),
                          fmt::join(facts["averaged"].get<std::vector<std::string>>(), ", "));
  if (!facts["ema_decay"].is_null())
    result +=
        fmt::format("weights: exponential moving average, decay {:.6g}\n", facts["ema_decay"].get<double>());
  result += facts["images"].is_null() ? "images: not recorded (no provenance.json beside it)\n"
                                      : images_text(facts["images"]);
  result += facts["results"].is_null() ? "results: none (the run was not evaluated)\n"
                                       : results_text(facts["results"]);
  return result;
}

}  // namespace xr::apps
