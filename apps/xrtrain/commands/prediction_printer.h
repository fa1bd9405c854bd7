// What predict prints: a row for each image, as a table for people, CSV or JSON.
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "apps/xrtrain/commands/predict_images.h"
#include "apps/xrtrain/evaluation/selection.h"
#include "apps/xrtrain/explain/explanation.h"

namespace xr::apps {

struct PrintSettings {
  bool csv = false, json = false;
  std::string explain;  ///< folder of the overlays; empty: none
  bool occlusion = false;
  std::int64_t networks = 1, views = 1;  ///< whose probabilities are averaged
};

/// Of the picture that explains a prediction.
struct Drawn {
  std::filesystem::path file;  ///< once it is written
  std::vector<std::byte> png;  ///< until it is written
  std::string class_name;
  std::vector<explain::MapWarning> warnings;
  std::optional<double> central_share, agreement;
  bool coarse = false;  ///< see explain::Explanation
};

struct Prediction {
  std::filesystem::path path;
  std::string failure;  ///< why there is none
  std::vector<double> probabilities;
  std::optional<Drawn> drawn;
  std::vector<const PredictNote*> notes;  ///< on how it was read

  [[nodiscard]] std::size_t best() const {
    return static_cast<std::size_t>(std::ranges::max_element(probabilities) - probabilities.begin());
  }
};

/// A table wider than this has the classes of largest probability, or the labels that are called, instead of a column for
/// each.
constexpr std::size_t max_table_width = 160;
constexpr std::size_t max_classes_shown = 3;

class PredictionPrinter {
 public:
  /// `thresholds`: of several labels, else empty. The references must live as long as the printer.
  PredictionPrinter(const PrintSettings& settings, const std::vector<std::string>& class_names,
                    LabelThresholds thresholds, const std::vector<Prediction>& predictions);

  /// Before the first row. `has_centre`: whether the share of a map's centre can be told, else the table has no column
  /// for it; CSV always has one.
  void header(bool has_centre);
  void row(const Prediction& prediction) const;
  /// What the columns mean, below a table. `layer`: that the maps are of.
  void legend(const std::string& layer, const std::vector<Prediction>& predictions) const;

 private:
  [[nodiscard]] bool has_labels() const { return !thresholds_.values.empty(); }
  [[nodiscard]] const char* result_name() const { return has_labels() ? "labels" : "class"; }
  [[nodiscard]] std::vector<std::size_t> called(const Prediction& prediction) const;
  [[nodiscard]] std::string short_result(const Prediction& prediction) const;
  [[nodiscard]] std::string explanation_text(const Drawn& drawn) const;
  void json_row(const Prediction& prediction) const;

  const PrintSettings& settings_;
  const std::vector<std::string>& names_;
  LabelThresholds thresholds_;
  std::size_t file_width_ = 4, class_width_ = 5;
  bool columns_ = true;  // one for each class
  bool has_centre_ = true;
};

}  // namespace xr::apps
