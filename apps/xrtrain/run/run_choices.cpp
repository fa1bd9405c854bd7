#include "apps/xrtrain/run/run_choices.h"

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

std::optional<RunChoices> choices_in(const json& metrics) {
  const json& chosen = metrics.at("chosen");
  if (chosen.at("on") != "validation") return std::nullopt;
  RunChoices choices;
  choices.checkpoint = std::stoll(chosen.at("checkpoint").get<std::string>());
  if (const json& positive = metrics.at("positive_class"); !positive.is_null())
    choices.positive_class = positive.get<std::string>();
  for (const json& entry : chosen.at("thresholds"))
    if (const std::optional<double> threshold = number_in(entry, "threshold"))
      choices.thresholds.push_back(
          {entry.at("rule").get<std::string>(), number_in(entry, "wanted"), *threshold});
  if (const json& temperature = chosen.at("temperature"); !temperature.is_null())
    choices.temperature = number_in(temperature, "value");
  return choices;
}

}  // namespace

std::optional<RunChoices> read_run_choices(const std::filesystem::path& run) {
  const std::filesystem::path path = run / "metrics.json";
  std::ifstream file(path);
  if (!file) return std::nullopt;
  try {
    return choices_in(json::parse(file));
  } catch (const std::exception&) {  // no JSON, a key that is not there, a value of another type
    throw DataError(
        fmt::format("{} is damaged: write it anew with xrtrain eval {}", path.string(), run.string()));
  }
}

}  // namespace xr::apps
