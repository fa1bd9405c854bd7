#include "apps/xrtrain/commands/prediction_printer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <numeric>

#include "apps/text/text.h"
#include "apps/xrtrain/console.h"
#include "model/explain/grad_cam.h"

namespace xr::apps {

namespace {

std::size_t column_width(const std::string& name) {
  return std::max<std::size_t>(6, text::one_line(name).size() + 3);
}

/// A field on one line, without what a terminal obeys.
std::string csv_text(const std::string& text) {
  return text::csv_field(text::one_line(text));
}

nlohmann::json number_or_null(const std::optional<double>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json();
}

nlohmann::json explanation_json(const Drawn& drawn, bool occlusion) {
  nlohmann::json result{{"class", drawn.class_name},
                        {"central_share", number_or_null(drawn.central_share)},
                        {"picture", drawn.file.string()}};
  result["warning"] = drawn.warnings.empty() ? nlohmann::json() : nlohmann::json(text_of(drawn.warnings));
  result["warning_ids"] = nlohmann::json::array();
  for (const explain::MapWarning& warning : drawn.warnings) result["warning_ids"].push_back(warning.id);
  if (occlusion) result["occlusion_agreement"] = number_or_null(drawn.agreement);
  return result;
}

}  // namespace

PredictionPrinter::PredictionPrinter(const PrintSettings& settings,
                                     const std::vector<std::string>& class_names, LabelThresholds thresholds,
                                     const std::vector<Prediction>& predictions)
    : settings_(settings), names_(class_names), thresholds_(std::move(thresholds)) {
  for (const Prediction& prediction : predictions)
    file_width_ = std::max(file_width_, text::one_line(prediction.path.string()).size());
  for (const std::string& name : names_) class_width_ = std::max(class_width_, text::one_line(name).size());
  if (has_labels()) class_width_ *= 2;
  std::size_t width = file_width_ + 2 + class_width_;
  for (const std::string& name : names_) width += 2 + column_width(name);
  columns_ = width <= max_table_width || names_.size() <= max_classes_shown;
}

std::vector<std::size_t> PredictionPrinter::called(const Prediction& prediction) const {
  if (!has_labels()) return {prediction.best()};
  std::vector<std::size_t> result;
  for (std::size_t l = 0; l < names_.size(); ++l)
    if (prediction.probabilities[l] >= thresholds_.values[l]) result.push_back(l);
  return result;
}

/// "covid 0.71, normal 0.20, other 0.05"
std::string PredictionPrinter::short_result(const Prediction& prediction) const {
  std::vector<std::size_t> shown;
  if (has_labels()) {
    shown = called(prediction);
  } else {
    shown.resize(names_.size());
    std::iota(shown.begin(), shown.end(), std::size_t{0});
  }
  std::ranges::stable_sort(shown, [&](std::size_t a, std::size_t b) {
    return prediction.probabilities[a] > prediction.probabilities[b];
  });
  if (!has_labels()) shown.resize(std::min(shown.size(), max_classes_shown));
  std::string text;
  for (const std::size_t c : shown)
    text += fmt::format("{}{} {:.4f}", text.empty() ? "" : ", ", text::one_line(names_[c]),
                        prediction.probabilities[c]);
  return text.empty() ? "-" : text;
}

void PredictionPrinter::header(bool has_centre) {
  has_centre_ = has_centre;
  if (settings_.json) return;
  const bool one_column = !settings_.csv && !columns_;
  std::string text = settings_.csv ? fmt::format("file,{}", result_name())
                     : one_column
                         ? fmt::format("{:<{}}", "file", file_width_)
                         : fmt::format("{:<{}}  {:<{}}", "file", file_width_, result_name(), class_width_);
  for (const std::string& name : names_)
    if (!one_column)
      text += settings_.csv ? "," + csv_text("p(" + name + ")")
                            : fmt::format("  {:>{}}", "p(" + text::one_line(name) + ")", column_width(name));
  if (!settings_.explain.empty()) {
    text += settings_.csv ? ",explained,central_share" : has_centre_ ? "  centre" : "";
    if (settings_.occlusion) text += settings_.csv ? ",occlusion_agreement" : "  agreement";
    text += settings_.csv ? ",picture,warning" : "  picture";
  }
  if (one_column) text += fmt::format("  {}, with probabilities", has_labels() ? "labels" : "classes");
  print(text + '\n');
}

void PredictionPrinter::json_row(const Prediction& prediction) const {
  nlohmann::json probabilities;
  for (std::size_t c = 0; c < names_.size(); ++c) probabilities[names_[c]] = prediction.probabilities[c];
  nlohmann::json row{{"file", prediction.path.string()}, {"probabilities", probabilities}};
  if (has_labels()) {
    row["labels"] = nlohmann::json::array();
    for (const std::size_t label : called(prediction)) row["labels"].push_back(names_[label]);
  } else {
    row["class"] = names_[prediction.best()];
  }
  if (settings_.networks > 1) row["ensemble"] = settings_.networks;
  if (settings_.views > 1) row["tta"] = settings_.views;
  for (const PredictNote* note : prediction.notes) row["note_ids"].push_back(note->id);
  if (prediction.drawn) row["explanation"] = explanation_json(*prediction.drawn, settings_.occlusion);
  print(json_text(row) + '\n');
}

void PredictionPrinter::row(const Prediction& prediction) const {
  if (settings_.json) return json_row(prediction);
  const std::string file = prediction.path.string();
  std::string name;
  for (const std::size_t c : called(prediction)) name += (name.empty() ? "" : "|") + names_[c];
  std::string text;
  if (settings_.csv) {
    text = csv_text(file) + ',' + csv_text(name);
    for (const double value : prediction.probabilities) text += fmt::format(",{:.6f}", value);
  } else {
    text = fmt::format("{:<{}}", text::one_line(file), file_width_);
    if (columns_) {
      text += fmt::format("  {:<{}}", name.empty() ? "-" : text::one_line(name), class_width_);
      for (std::size_t c = 0; c < names_.size(); ++c)
        text += fmt::format("  {:>{}.4f}", prediction.probabilities[c], column_width(names_[c]));
    }
  }
  if (prediction.drawn) text += explanation_text(*prediction.drawn);
  if (!settings_.csv && !columns_) text += "  " + short_result(prediction);
  print(text + '\n');
}

void PredictionPrinter::legend(const std::string& layer, const std::vector<Prediction>& predictions) const {
  if (has_labels() && !thresholds_.chosen)
    print_aside(
        "warning",
        settings_.networks > 1
            ? "labels are called at or above 0.5: an ensemble has no thresholds selected on validation images"
            : "labels are called at or above 0.5: the run has no thresholds for this checkpoint (xrtrain eval RUN "
              "selects them on validation images, for the checkpoint that it selects)");
  if (!settings_.csv && !settings_.json && !columns_)
    print(fmt::format("all {} probabilities: --csv or --json\n", names_.size()));
  if (!settings_.csv && !settings_.json)
    print(fmt::format("{}; not a medical device\n", has_labels()
                                                        ? "class: labels at or above their thresholds"
                                                        : "class: the highest probability"));
  if (settings_.explain.empty()) return;
  if (std::ranges::any_of(predictions, [](const Prediction& p) { return p.drawn && p.drawn->coarse; }))
    print_aside(
        "warning",
        fmt::format(
            "no share of the map's centre: the map of layer {} has fewer than {} cells a side; use an earlier "
            "--layer or larger images",
            layer, explain::min_map_side));
  if (settings_.csv || settings_.json) return;
  if (has_centre_)
    print(fmt::format(
        "centre: share of the Grad-CAM map of layer {} in the middle of the image (three quarters of "
        "each side); an even map has {:.0f}%; -: the map is empty\n",
        layer, 100.0 * model::explain::central_area));
  if (settings_.occlusion)
    print(
        "agreement: correlation of the Grad-CAM map with what covering parts of the image shows; 1 is the "
        "same\n");
  print(fmt::format(
      "pictures in {}: side by side the image and Grad-CAM{}; colours from 0 to the largest value of the map\n",
      text::one_line(settings_.explain), settings_.occlusion ? ", occlusion map" : ""));
}

std::string PredictionPrinter::explanation_text(const Drawn& drawn) const {
  const auto number = [](const std::optional<double>& value, const char* format) {
    return value ? fmt::format(fmt::runtime(format), *value) : std::string();
  };
  const auto dash = [](const std::string& text) { return text.empty() ? "-" : text; };
  const std::string file = drawn.file.string();
  if (settings_.csv)
    return fmt::format(",{},{}{},{},{}", csv_text(drawn.class_name), number(drawn.central_share, "{:.4f}"),
                       settings_.occlusion ? "," + number(drawn.agreement, "{:.4f}") : "", csv_text(file),
                       csv_text(text_of(drawn.warnings)));
  std::string text;
  if (has_centre_)
    text += fmt::format(
        "  {:>6}", dash(drawn.central_share ? fmt::format("{:.0f}%", 100.0 * *drawn.central_share) : ""));
  if (settings_.occlusion) text += fmt::format("  {:>9}", dash(number(drawn.agreement, "{:.2f}")));
  return text + "  " + text::one_line(drawn.file.filename().string());
}

}  // namespace xr::apps
