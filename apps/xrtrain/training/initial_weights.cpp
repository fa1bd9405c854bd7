#include "apps/xrtrain/training/initial_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "apps/text/text.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/run/checkpoint.h"
#include "apps/xrtrain/run/file_identity.h"
#include "engine/io/atomic_file.h"
#include "engine/io/file.h"
#include "kernels/common/error_codes.h"

namespace xr::apps {

namespace {

namespace fs = std::filesystem;
using model::FittedTensor;
using model::WeightFit;
using model::WeightPlan;
using nlohmann::json;

constexpr std::size_t max_listed = 4;

std::string listed(const std::vector<std::string>& names) {
  const std::size_t shown = std::min(names.size(), max_listed);
  std::string text =
      fmt::format("{}", fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
  return names.size() > shown ? fmt::format("{} and {} more", text, names.size() - shown) : text;
}

std::string count_text(std::size_t count, const char* noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

/// "Initial weights: x.pth (PyTorch, state_dict, 60 of float16 widened; 'module.' stripped from 60 names)"
std::string head_line(const std::string& path, const WeightPlan& plan, const engine::WeightsFile& file) {
  std::vector<std::string> facts = {file.format()};
  if (!file.dictionary().empty()) facts.push_back("dictionary " + file.dictionary());
  std::map<engine::ElementType, std::size_t> types;
  for (const engine::StoredTensor& tensor : file.tensors()) ++types[tensor.type];
  for (const auto& [type, count] : types)
    if (engine::is_floating(type) && type != engine::ElementType::f32)
      facts.push_back(fmt::format("{} of {} {} to float32", count, engine::name_of(type),
                                  type == engine::ElementType::f64 ? "rounded" : "widened"));
  for (const auto& [prefix, count] : plan.prefixes)
    facts.push_back(
        fmt::format("'{}' stripped from {}", prefix, count_text(static_cast<std::size_t>(count), "name")));
  return fmt::format("Initial weights: {} ({})", text::one_line(path), fmt::join(facts, ", "));
}

struct Row {
  const char* name;
  std::vector<const FittedTensor*> tensors;
  std::vector<std::string> notes;
};

std::string note_of(const FittedTensor& tensor) {
  switch (tensor.fit) {
    case WeightFit::channels_summed:
      return tensor.name + ": three input channels summed to one";
    case WeightFit::channels_repeated:
      return tensor.name + ": one input channel spread over three";
    default:
      return tensor.source.empty() ? tensor.name + ": not in the file"
                                   : fmt::format("{}: {} here, {} in the file", tensor.name,
                                                 tensor.shape.to_string(), tensor.source_shape.to_string());
  }
}

void print_plan(const std::string& path, const WeightPlan& plan, const engine::WeightsFile& file,
                Console& console) {
  console.line(head_line(path, plan, file));
  std::vector<Row> rows = {{"loaded", plan.with(WeightFit::loaded), {}},
                           {"adapted", plan.with(WeightFit::channels_summed), {}},
                           {"random", plan.with(WeightFit::random), {}}};
  const std::vector<const FittedTensor*> repeated = plan.with(WeightFit::channels_repeated);
  rows[1].tensors.insert(rows[1].tensors.end(), repeated.begin(), repeated.end());
  // Counters of older PyTorch files are missing, and mean nothing for the result.
  std::erase_if(rows[2].tensors,
                [](const FittedTensor* tensor) { return tensor->is_integer && tensor->source.empty(); });
  for (Row& row : rows) {
    std::int64_t elements = 0;
    for (const FittedTensor* tensor : row.tensors) {
      elements += tensor->shape.numel();
      if (tensor->fit != WeightFit::loaded) row.notes.push_back(note_of(*tensor));
    }
    if (!row.tensors.empty())
      console.line(fmt::format("  {:<8} {:>4} {:<7} {:>12} numbers  {}", row.name, row.tensors.size(),
                               row.tensors.size() == 1 ? "tensor" : "tensors", elements, listed(row.notes)));
  }
  if (!plan.unused.empty())
    console.line(fmt::format("  {:<8} {:>4} {:<7} {:>12}          {}", "unused", plan.unused.size(),
                             plan.unused.size() == 1 ? "tensor" : "tensors", "",
                             text::one_line(listed(plan.unused))));
  if (!file.ignored().empty())
    console.line(fmt::format("  {:<8} {}", "ignored", text::one_line(listed(file.ignored()))));
}

json plan_json(const WeightPlan& plan) {
  json result = {{"backbone_share", plan.share()}, {"unused", plan.unused}};
  for (const char* key : {"loaded", "channels_summed", "channels_repeated", "random"})
    result[key] = json::array();
  constexpr const char* keys[] = {"loaded", "channels_summed", "channels_repeated", "random"};
  for (const FittedTensor& tensor : plan.tensors)
    result[keys[static_cast<std::size_t>(tensor.fit)]].push_back(tensor.name);
  result["stripped_prefixes"] = plan.prefixes;
  return result;
}

/// What checkpoints of this program say of their preprocessing; of others what their head tells.
std::optional<ChosenNormalization> normalization_of(const WeightPlan& plan, const engine::WeightsFile& file,
                                                    const model::ModelSettings& settings) {
  const std::int64_t channels = settings.channels;
  const engine::Metadata& metadata = file.metadata();
  if (metadata.contains("interpolation")) check_interpolation(metadata.at("interpolation"));
  if (metadata.contains("mean") && metadata.contains("deviation")) {
    try {
      const auto mean = json::parse(metadata.at("mean")).get<std::vector<float>>(),
                 deviation = json::parse(metadata.at("deviation")).get<std::vector<float>>();
      if ((mean.size() == 1 || mean.size() == 3) && mean.size() == deviation.size() &&
          std::ranges::all_of(deviation, [](float value) { return value > 0; })) {
        KnownNormalization known{"", {}};
        for (std::size_t c = 0; c < 3; ++c) {
          known.colour.mean[c] = mean[mean.size() == 3 ? c : 0];
          known.colour.deviation[c] = deviation[mean.size() == 3 ? c : 0];
        }
        return ChosenNormalization{known.of(channels), "the checkpoint of --init"};
      }
    } catch (const json::exception&) {  // of another program
    }
  }
  const bool thousand = std::ranges::any_of(plan.tensors, [](const FittedTensor& tensor) {
    return tensor.in_head && tensor.source_shape.rank() > 0 && tensor.source_shape[0] == 1000;
  });
  if (!thousand) return std::nullopt;
  const std::string name = settings.name == "efficientnet_lite0" ? "efficientnet_lite" : "imagenet";
  const auto known = std::ranges::find_if(
      known_normalizations(), [&](const KnownNormalization& entry) { return entry.name == name; });
  return ChosenNormalization{
      known->of(channels),
      fmt::format(
          "{}: guessed, because the weights have a head of 1000 classes (--preprocessing names another)",
          name)};
}

void require_fit(const std::string& path, const WeightPlan& plan, const model::ModelSettings& settings,
                 const engine::WeightsFile& file) {
  if (plan.share() >= model::min_backbone_share) return;
  std::vector<std::string> others;
  std::string remedy;
  for (const model::NetworkMatch& match : model::match_networks(settings, file)) {
    const std::string text = fmt::format("{} {:.0f}%", match.name, 100 * match.share);
    if (others.size() < 3 && std::ranges::find(others, text) == others.end()) others.push_back(text);
    if (remedy.empty() && match.share >= model::min_backbone_share)
      remedy = fmt::format("; use --model {} --channels {}", match.name, match.channels);
    if (remedy.empty()) remedy = "; no known network fits: use a file of another network";
  }
  std::vector<std::string> missing;
  for (const FittedTensor& tensor : plan.tensors)
    if (tensor.is_parameter && !tensor.in_head && tensor.fit == WeightFit::random)
      missing.push_back(note_of(tensor));
  throw DataError(
      error_code::weights_unfit,
      fmt::format("{} has {:.0f}% of the backbone of {}, at least {:.0f}% are needed ({}); nearest: {}{}",
                  engine::quote_name(path), 100 * plan.share(), settings.name,
                  100 * model::min_backbone_share, text::one_line(listed(missing)), fmt::join(others, ", "),
                  remedy));
}

}  // namespace

void check_initial_weights(const std::string& file, const model::ModelSettings& settings) {
  errors_as<DataError>([&] {
    const auto weights = engine::open_weights(file);
    require_fit(file, model::plan_initial_weights(settings, *weights), settings, *weights);
  });
}

InitialWeights load_initial_weights(const std::string& file, const model::ModelSettings& settings,
                                    model::Module& network, const fs::path& record, Console& console) {
  return errors_as<DataError>([&] {
    const auto weights = engine::open_weights(file);
    const WeightPlan plan = model::plan_initial_weights(network, settings, *weights);
    require_fit(file, plan, settings, *weights);
    model::load_initial_weights(plan, *weights, network);
    print_plan(file, plan, *weights, console);
    InitialWeights result{identity_of_file(file), normalization_of(plan, *weights, settings)};
    json facts = plan_json(plan);
    facts["file"] = file;
    facts["format"] = weights->format();
    facts["identity"] = result.identity;
    facts["ignored"] = weights->ignored();
    if (result.normalization) {
      facts["mean"] = result.normalization->statistics.mean;
      facts["deviation"] = result.normalization->statistics.deviation;
      facts["normalization"] = result.normalization->source;
    }
    console.event("initial_weights", facts);
    engine::write_file_atomically(record, json_text(facts) + "\n");
    return result;
  });
}

InitialWeights read_initial_weights(const fs::path& record) {
  return initial_weights_of_text(text::read_file(record), record.string());
}

InitialWeights initial_weights_of_text(const std::string& record, const std::string& name) {
  try {
    const json facts = json::parse(record);
    InitialWeights result{facts.at("identity").get<std::string>(), std::nullopt};
    if (facts.contains("mean"))
      result.normalization = ChosenNormalization{
          {facts.at("mean").get<std::array<float, 3>>(), facts.at("deviation").get<std::array<float, 3>>()},
          facts.at("normalization").get<std::string>()};
    return result;
  } catch (const json::exception& error) {
    throw DataError(fmt::format("{} is damaged or missing ({}): start a new run", name, error.what()));
  }
}

}  // namespace xr::apps
