#include "apps/xrtrain/evaluation/selection.h"

#include <fmt/core.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "apps/xrtrain/errors.h"

namespace xr::apps {

namespace {

using nlohmann::json;

std::optional<double> number_in(const json& object, const char* key) {
  const json& value = object.at(key);
  return value.is_null() ? std::nullopt : std::optional(value.get<double>());
}

std::optional<Selection> selection_in(const json& metrics) {
  const json& chosen = metrics.at("chosen");
  if (selected_on_named(chosen.at("on").get<std::string>()) != SelectedOn::validation) return std::nullopt;
  Selection selection;
  selection.on = SelectedOn::validation;
  selection.checkpoint = std::stoll(chosen.at("checkpoint").get<std::string>());
  if (const json& positive = metrics.at("positive_class"); !positive.is_null())
    selection.positive_class = positive.get<std::string>();
  for (const json& entry : chosen.at("thresholds"))
    if (const std::optional<double> threshold = number_in(entry, "threshold"))
      selection.thresholds.push_back({entry.at("rule").get<std::string>(), number_in(entry, "wanted"),
                                      *threshold, entry.value("label", std::string())});
  if (const json& temperature = chosen.at("temperature"); !temperature.is_null())
    selection.temperature = number_in(temperature, "value");
  return selection;
}

}  // namespace

const char* name_of(SelectedOn on) {
  switch (on) {
    case SelectedOn::validation:
    case SelectedOn::run_validation:
      return "validation";
    case SelectedOn::command_line:
      return "given";
    case SelectedOn::ensemble:
      return "ensemble";
    default:
      return "last";
  }
}

SelectedOn selected_on_named(const std::string& name) {
  return name == "validation" ? SelectedOn::validation
         : name == "given"    ? SelectedOn::command_line
         : name == "ensemble" ? SelectedOn::ensemble
                              : SelectedOn::last;
}

LabelThresholds read_label_thresholds(const std::filesystem::path& run, std::int64_t checkpoint,
                                      const std::vector<std::string>& labels) {
  LabelThresholds result{std::vector<double>(labels.size(), 0.5)};
  const std::optional<Selection> selection = read_selection(run);
  if (!selection || selection->checkpoint != checkpoint) return result;
  for (const Selection::Threshold& chosen : selection->thresholds)
    for (std::size_t l = 0; l < labels.size(); ++l)
      if (chosen.rule == "youden" && chosen.label == labels[l]) {
        result.values[l] = chosen.threshold;
        result.chosen = true;
      }
  return result;
}

std::optional<Selection> read_selection(const std::filesystem::path& run) {
  const std::filesystem::path path = run / "metrics.json";
  std::ifstream file(path);
  if (!file) return std::nullopt;
  try {
    return selection_in(json::parse(file));
  } catch (const std::exception&) {  // no JSON, a key that is not there, a value of another type
    throw DataError(
        fmt::format("{} is damaged: write it again with xrtrain eval {}", path.string(), run.string()));
  }
}

}  // namespace xr::apps
