// Files of kinds that people reported trouble with, which are no part of the project.
#pragma once

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>

namespace xr::data::test {

/// The folder that XR_TEST_CASES names, or ../shared/cases beside the project.
inline std::filesystem::path cases_folder() {
  const char* given = std::getenv("XR_TEST_CASES");
  return given != nullptr ? std::filesystem::path(given)
                          : std::filesystem::path(XR_SOURCE_FOLDER) / "../shared/cases";
}

/// Whether it is there; says that nothing is tested if not.
inline bool has_cases() {
  if (std::filesystem::exists(cases_folder())) return true;
  WARN("not tested: no files in " << cases_folder().string() << " (XR_TEST_CASES names another folder)");
  return false;
}

}  // namespace xr::data::test
