// What a run chose on its validation images, for use on images of another folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace xr::apps {

struct ChosenThreshold {
  std::string rule;              ///< "youden" or "sensitivity"
  std::optional<double> wanted;  ///< the wanted sensitivity
  double threshold = 0;          ///< probability of the positive class
};

struct RunChoices {
  std::int64_t checkpoint = 0;
  std::string positive_class;  ///< that the thresholds are about; empty unless there are two classes
  std::vector<ChosenThreshold> thresholds;
  std::optional<double> temperature;
};

/// Of RUN/metrics.json (docs/formats.md). Nothing if the file is absent or the run had no validation images
/// to choose on. Throws DataError for a file that is no metrics.json: `xrtrain eval RUN` writes it anew.
[[nodiscard]] std::optional<RunChoices> read_run_choices(const std::filesystem::path& run);

}  // namespace xr::apps
