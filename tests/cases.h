// Files of kinds that people reported trouble with: a folder beside the project, not part of it.
#pragma once

#include <cstdlib>
#include <filesystem>

namespace xr::test {

/// XR_TEST_CASES, else ../shared/cases beside the source tree. Tests skip with a message where it is absent.
inline std::filesystem::path cases_folder(const std::filesystem::path& source_folder) {
  const char* given = std::getenv("XR_TEST_CASES");
  return given != nullptr ? std::filesystem::path(given) : source_folder / "../shared/cases";
}

}  // namespace xr::test
