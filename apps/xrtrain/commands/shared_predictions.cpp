#include "apps/xrtrain/commands/shared_predictions.h"

#include <nlohmann/json.hpp>

namespace xr::apps {

namespace {

using nlohmann::json;

// CBOR keeps doubles as they are, and texts that are no UTF-8.
json optional_number(const std::optional<double>& value) {
  return value ? json(*value) : json(nullptr);
}

std::optional<double> number_of(const json& value) {
  return value.is_null() ? std::nullopt : std::optional(value.get<double>());
}

json record_of(const Drawn& drawn) {
  json warnings = json::array();
  for (const explain::MapWarning& warning : drawn.warnings) warnings.push_back({warning.id, warning.text});
  const auto* const png = reinterpret_cast<const std::uint8_t*>(drawn.png.data());
  return {{"png", json::binary({png, png + drawn.png.size()})},
          {"class", drawn.class_name},
          {"warnings", std::move(warnings)},
          {"central_share", optional_number(drawn.central_share)},
          {"agreement", optional_number(drawn.agreement)},
          {"coarse", drawn.coarse}};
}

Drawn drawn_of(const json& record) {
  Drawn drawn;
  const std::span<const std::byte> png = std::as_bytes(std::span(record.at("png").get_binary()));
  drawn.png.assign(png.begin(), png.end());
  drawn.class_name = record.at("class").get<std::string>();
  for (const json& warning : record.at("warnings"))
    drawn.warnings.push_back({warning.at(0).get<std::string>(), warning.at(1).get<std::string>()});
  drawn.central_share = number_of(record.at("central_share"));
  drawn.agreement = number_of(record.at("agreement"));
  drawn.coarse = record.at("coarse").get<bool>();
  return drawn;
}

}  // namespace

std::vector<std::byte> bytes_of(std::span<const Prediction> predictions) {
  json list = json::array();
  for (const Prediction& prediction : predictions) {
    json notes = json::array();
    for (const PredictNote* note : prediction.notes) notes.push_back(note->id);
    list.push_back({{"failure", prediction.failure},
                    {"probabilities", prediction.probabilities},
                    {"notes", std::move(notes)},
                    {"drawn", prediction.drawn ? record_of(*prediction.drawn) : json(nullptr)}});
  }
  const std::vector<std::uint8_t> cbor = json::to_cbor(list);
  const std::span<const std::byte> bytes = std::as_bytes(std::span(cbor));
  return {bytes.begin(), bytes.end()};
}

void read_predictions(std::span<const std::byte> bytes, std::span<Prediction> predictions) {
  const auto* const begin = reinterpret_cast<const std::uint8_t*>(bytes.data());
  const json list = json::from_cbor(begin, begin + bytes.size());
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    const json& record = list.at(i);
    Prediction& prediction = predictions[i];
    prediction.failure = record.at("failure").get<std::string>();
    prediction.probabilities = record.at("probabilities").get<std::vector<double>>();
    prediction.notes.clear();
    for (const json& id : record.at("notes")) prediction.notes.push_back(predict_note(id.get<std::string>()));
    if (!record.at("drawn").is_null()) prediction.drawn = drawn_of(record.at("drawn"));
  }
}

}  // namespace xr::apps
