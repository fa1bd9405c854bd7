#include "apps/xrtrain/evaluation/ensemble.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "apps/text/text.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/evaluation/selection.h"
#include "apps/xrtrain/evaluation/views.h"
#include "apps/xrtrain/run/run_folder.h"

namespace xr::apps {

namespace fs = std::filesystem;

namespace {

/// The runs of a cross-validation's folds, in order.
std::vector<fs::path> fold_runs(const fs::path& cv) {
  std::vector<fs::path> runs;
  std::error_code code;
  for (const fs::directory_entry& entry : fs::directory_iterator(cv / "runs", code))
    if (entry.is_directory() && inspect_folder(entry.path()) == FolderKind::run) runs.push_back(entry.path());
  std::ranges::sort(runs);
  const std::string folder = text::shell_word(cv.string());
  // cv.json is written when the last fold is done.
  if (runs.empty() || !fs::exists(cv / "cv.json"))
    throw DataError(
        fmt::format("the cross-validation {} is not complete: finish it with xrtrain cv --out {} "
                    "--resume --keep-runs",
                    cv.string(), folder));
  for (const fs::path& run : runs)
    if (list_checkpoints(run).empty())
      throw DataError(fmt::format(
          "{} has no checkpoints: an ensemble needs a cross-validation that was trained with --keep-runs",
          run.string()));
  return runs;
}

/// The run that a checkpoint lies in, or nothing.
fs::path run_of(const fs::path& checkpoint) {
  const fs::path run = fs::absolute(checkpoint).parent_path().parent_path();
  std::error_code code;
  return fs::exists(run / "config.toml", code) ? run : fs::path();
}

std::string classes_text(const CheckpointInfo& info) {
  return fmt::format("the {} {}", info.task == data::Task::multi_label ? "labels" : "classes",
                     text::one_line(fmt::format("{}", fmt::join(info.class_names, ", "))));
}

void require_same_classes(const EnsembleMember& first, const EnsembleMember& other) {
  if (first.info.task == other.info.task && first.info.class_names == other.info.class_names) return;
  throw DataError(fmt::format(
      "{} has {}, {} has {}: the networks of an ensemble must have the same ones in the same order",
      first.file.string(), classes_text(first.info), other.file.string(), classes_text(other.info)));
}

}  // namespace

bool is_cross_validation(const fs::path& argument) {
  std::error_code code;
  return fs::exists(argument / "cv.toml", code);
}

bool names_network(const fs::path& argument) {
  if (argument.extension() == ".safetensors") return true;
  std::error_code code;
  const bool checkpoints = argument.filename() == "checkpoints";
  return is_cross_validation(argument) ||
         fs::exists((checkpoints ? argument.parent_path() : argument) / "config.toml", code);
}

std::vector<ChosenCheckpoint> find_members(const std::vector<std::string>& arguments) {
  std::vector<ChosenCheckpoint> result;
  for (const std::string& argument : arguments) {
    if (!is_cross_validation(argument)) {
      result.push_back(find_checkpoint(argument));
      continue;
    }
    for (const fs::path& run : fold_runs(argument)) result.push_back(find_checkpoint(run));
  }
  std::set<fs::path> files;
  for (const ChosenCheckpoint& one : result) {
    std::error_code code;
    if (!files.insert(fs::weakly_canonical(one.file, code)).second)
      throw UsageError(fmt::format("{} is given twice: give each network of an ensemble once",
                                   text::one_line(one.file.string())));
  }
  return result;
}

std::vector<EnsembleMember> read_members(const std::vector<ChosenCheckpoint>& checkpoints) {
  std::vector<EnsembleMember> members;
  for (const ChosenCheckpoint& checkpoint : checkpoints) {
    EnsembleMember member;
    member.file = checkpoint.file;
    member.run = run_of(checkpoint.file);
    member.info = errors_as<DataError>(
        [&] { return read_info(engine::SafetensorsFile(checkpoint.file), checkpoint.file); });
    if (!member.run.empty())
      if (const std::optional<Selection> selection = read_selection(member.run);
          selection && selection->checkpoint == member.info.epoch)
        member.temperature = selection->temperature;
    members.push_back(std::move(member));
    require_same_classes(members.front(), members.back());
  }
  return members;
}

std::string member_text(const EnsembleMember& member) {
  return fmt::format("{}: {}, after epoch {}, {}", text::one_line(member.file.string()),
                     member.info.model.name, member.info.epoch,
                     member.temperature ? fmt::format("temperature {:.3f}", *member.temperature)
                                        : std::string("no temperature fitted"));
}

std::string Averaging::views_text() const {
  return views > 1 ? fmt::format(", mean of {} views of each image", views) : std::string();
}

void add_averaging(nlohmann::json& object, const Averaging& averaging) {
  using nlohmann::json;
  if (averaging.is_ensemble()) {
    json members = json::array();
    for (std::size_t m = 0; m < averaging.members.size(); ++m) {
      const EnsembleMember& member = averaging.members[m];
      members.push_back({{"checkpoint", member.file.string()},
                         {"model", member.info.model.name},
                         {"epoch", member.info.epoch},
                         {"data", member.info.data},
                         {"temperature", member.temperature ? json(*member.temperature) : json(nullptr)}});
      if (m < averaging.images_known.size()) members.back()["images_known"] = bool{averaging.images_known[m]};
    }
    object["ensemble"] = {{"networks", averaging.members.size()},
                          {"probabilities", averaging.members.front().info.task == data::Task::multi_label
                                                ? "mean of sigmoid(logits / temperature)"
                                                : "mean of softmax(logits / temperature)"},
                          {"members", members},
                          {"seen_images", averaging.seen_images}};
  }
  if (averaging.views > 1) {
    const data::AugmentSettings settings = view_settings(data::AugmentSettings::none(), 1);
    object["tta"] = {{"views", averaging.views},
                     {"probabilities", "mean over views"},
                     {"rotation_degrees", settings.rotation_degrees},
                     {"shift", settings.shift},
                     {"zoom", settings.zoom}};
  }
}

}  // namespace xr::apps
