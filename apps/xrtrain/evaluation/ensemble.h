// Ensembles: several networks of the same classes whose probabilities are averaged,
//
//     p(image) = 1/M sum over members m of softmax(logits_m(image) / T_m),
//
// of several labels the sigmoid instead of the softmax. T_m is the temperature that the member's run fitted on its
// own validation images for this very checkpoint, else 1. Members may differ in network and preprocessing.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/xrtrain/evaluation/chosen_checkpoint.h"
#include "apps/xrtrain/run/checkpoint.h"

namespace xr::apps {

/// Whether an argument names a network: a .safetensors file, or the folder of a run or of a cross-validation.
[[nodiscard]] bool names_network(const std::filesystem::path& argument);
/// Whether it is the folder of a cross-validation.
[[nodiscard]] bool is_cross_validation(const std::filesystem::path& argument);

/// The checkpoints of an ensemble: find_checkpoint() of each argument, and of a cross-validation that of each fold of
/// each repeat. Throws DataError also for a cross-validation that is not complete or has kept no checkpoints, and
/// UsageError for a checkpoint that is given twice.
[[nodiscard]] std::vector<ChosenCheckpoint> find_members(const std::vector<std::string>& arguments);

struct EnsembleMember {
  std::filesystem::path file;
  std::filesystem::path run;  ///< that it lies in; empty: in none
  CheckpointInfo info;
  std::optional<double> temperature;  ///< that applies; nothing: 1

  [[nodiscard]] double divisor() const { return temperature.value_or(1.0); }
};

/// What the members' files and runs say of them, without their weights. Throws DataError that names the difference
/// unless all have the same classes or labels in the same order.
[[nodiscard]] std::vector<EnsembleMember> read_members(const std::vector<ChosenCheckpoint>& checkpoints);

/// "CV/runs/repeat-01-fold-2/checkpoints/17.safetensors: xray_resnet, epoch 17, temperature 1.31"
[[nodiscard]] std::string member_text(const EnsembleMember& member);

/// What metrics.json and summary.json say of the evaluation's networks and views.
struct Averaging {
  std::vector<EnsembleMember> members = {};  ///< empty: one network at a time
  std::int64_t views = 1;                    ///< views.h
  /// Evaluated images that are known to be training or validation images of a member.
  std::int64_t seen_images = 0;
  std::vector<bool> images_known = {};  ///< of each member: whether its own images could be found

  [[nodiscard]] bool is_ensemble() const { return !members.empty(); }
  /// ", mean of 8 views of each image", or nothing.
  [[nodiscard]] std::string views_text() const;
};

/// Adds "ensemble" and "tta" where there are any.
void add_averaging(nlohmann::json& object, const Averaging& averaging);

}  // namespace xr::apps
