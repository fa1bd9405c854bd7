// What can be said of a checkpoint without running it: its own metadata, and what its run's folder has.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace xr::apps {

/// Network, classes, preprocessing, training and, if the checkpoint lies in a run, the images and results
/// (docs/formats.md). Throws DataError for a file that is no checkpoint.
[[nodiscard]] nlohmann::json checkpoint_facts(const std::filesystem::path& checkpoint);
/// The same in a few lines.
[[nodiscard]] std::string checkpoint_facts_text(const nlohmann::json& facts);

}  // namespace xr::apps
