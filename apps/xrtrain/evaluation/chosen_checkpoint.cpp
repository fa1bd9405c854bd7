#include "apps/xrtrain/evaluation/chosen_checkpoint.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "apps/text/text.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/evaluation/selection.h"
#include "apps/xrtrain/run/run_folder.h"

namespace xr::apps {

namespace fs = std::filesystem;

namespace {

struct Chosen {
  std::int64_t epoch = 0;
  SelectedOn on = SelectedOn::last;
};

/// Nothing for a run that was not evaluated.
std::optional<Chosen> chosen_by(const fs::path& run) {
  std::ifstream file(run / "metrics.json");
  if (!file) return std::nullopt;
  try {
    const nlohmann::json chosen = nlohmann::json::parse(file).at("chosen");
    return Chosen{std::stoll(chosen.at("checkpoint").get<std::string>()),
                  selected_on_named(chosen.at("on").get<std::string>())};
  } catch (const std::exception&) {  // not JSON, a key that is missing, a value of another type
    throw DataError(fmt::format("{} is damaged: write it again with xrtrain eval {}",
                                (run / "metrics.json").string(), text::shell_word(run.string())));
  }
}

}  // namespace

ChosenCheckpoint find_checkpoint(const fs::path& given) {
  std::error_code code;
  if (!fs::is_directory(given, code)) return {given, {}};
  fs::path run = given;
  if (!run.has_filename()) run = run.parent_path();  // "RUN/"
  if (run.filename() == "checkpoints" && !fs::exists(run / "config.toml", code)) run = run.parent_path();
  if (fs::exists(run / "cv.toml", code))
    throw DataError(fmt::format(
        "{} is the folder of a cross-validation, which has a network for each fold: give one of its "
        "runs, or train one network on all images with xrtrain train",
        run.string()));
  const std::vector<std::int64_t> epochs = list_checkpoints(run.empty() ? "." : run);
  if (inspect_folder(run.empty() ? "." : run) != FolderKind::run)
    throw DataError(
        fmt::format("{} is a folder, not a checkpoint: give a .safetensors file, or the folder of a run",
                    given.string()));
  if (epochs.empty())
    throw DataError(
        fmt::format("the run {} has no checkpoints: train it first, or give another", given.string()));
  if (run.empty()) run = ".";
  const std::optional<Chosen> chosen = chosen_by(run);
  const std::int64_t epoch = chosen ? chosen->epoch : epochs.back();
  if (std::ranges::find(epochs, epoch) == epochs.end())
    throw DataError(fmt::format("checkpoint {:02d}, which the run {} selected, is not there: give one of {}",
                                epoch, run.string(), fmt::join(epochs, ", ")));
  const char* why = !chosen                                ? "the last; the run was not evaluated"
                    : chosen->on == SelectedOn::validation ? "selected on validation"
                                                           : "the last; without validation images";
  return {checkpoint_path(run, epoch), fmt::format("checkpoint {:02d} of {} ({})", epoch, run.string(), why)};
}

}  // namespace xr::apps
