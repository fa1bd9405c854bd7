// The checkpoint to use, what was selected with it, and on what.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace xr::apps {

enum class SelectedOn {
  last,            ///< on nothing: the last checkpoint, for want of validation images
  validation,      ///< on the validation images of this evaluation
  run_validation,  ///< on the run's own, for images of another folder
  command_line,    ///< by --checkpoint, whatever the run would choose
  ensemble,        ///< nothing was: all networks that were given, as checkpoint 0
};

struct Selection {
  struct Threshold {
    std::string rule;                   ///< "youden" or "sensitivity"
    std::optional<double> wanted = {};  ///< the wanted sensitivity
    double threshold = 0;               ///< probability of the positive class
    std::string label = {};             ///< of several labels: the one that it is about
  };

  std::int64_t checkpoint = 0;
  SelectedOn on = SelectedOn::last;
  std::int64_t last = 0;
  std::int64_t candidates = 0;                    ///< epochs of the run that were; 0: not known
  std::optional<std::int64_t> best_on_test = {};  ///< optimistic: selected on the test images
  // Of a selection that is applied to other images.
  std::string positive_class = {};  ///< that the thresholds are about; empty unless there are two classes
  std::vector<Threshold> thresholds = {};
  std::optional<double> temperature = {};

  [[nodiscard]] bool on_validation() const {
    return on == SelectedOn::validation || on == SelectedOn::run_validation;
  }
  /// Whether nothing else could have been selected: its validation figures are then those of any checkpoint.
  [[nodiscard]] bool had_one_candidate() const { return on == SelectedOn::validation && candidates == 1; }
};

/// As metrics.json has it: "validation", "given", "ensemble" or "last".
[[nodiscard]] const char* name_of(SelectedOn on);
/// The reverse, where "validation" is SelectedOn::validation; anything unknown is `last`.
[[nodiscard]] SelectedOn selected_on_named(const std::string& name);

/// From which probability on a checkpoint calls each label.
struct LabelThresholds {
  std::vector<double> values;
  bool chosen = false;  ///< by the run on its validation images, for this very checkpoint; else all are 0.5
};
[[nodiscard]] LabelThresholds read_label_thresholds(const std::filesystem::path& run, std::int64_t checkpoint,
                                                    const std::vector<std::string>& labels);

/// Of RUN/metrics.json (docs/formats.md), for images of another folder. Nothing if the file is absent or the run
/// had no validation images to select on. Throws DataError for a file that is no metrics.json: `xrtrain eval RUN`
/// writes it anew.
[[nodiscard]] std::optional<Selection> read_selection(const std::filesystem::path& run);

}  // namespace xr::apps
