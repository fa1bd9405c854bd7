// The file of an image's explanation.
#pragma once

#include <filesystem>
#include <set>
#include <string>

namespace xr::apps::explain {

/// A name in the folder that no earlier picture of this run has: `taken` has their names.
[[nodiscard]] std::filesystem::path picture_file(const std::filesystem::path& folder,
                                                 const std::filesystem::path& image,
                                                 std::set<std::string>& taken);

}  // namespace xr::apps::explain
