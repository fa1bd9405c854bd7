// From what a person gives as a checkpoint to a file of weights.
#pragma once

#include <filesystem>
#include <string>

namespace xr::apps {

struct ChosenCheckpoint {
  std::filesystem::path file;
  std::string why;  ///< in words, which one of a run it is; empty for a file
};

/// A file is itself. Of a run's folder, or its checkpoints/, the checkpoint that the run's evaluation chose (metrics.json),
/// or the last of a run that was not evaluated. Throws DataError for other folders, for a run without checkpoints and
/// where the chosen one is gone.
[[nodiscard]] ChosenCheckpoint find_checkpoint(const std::filesystem::path& given);

}  // namespace xr::apps
