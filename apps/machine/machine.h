// What a program was built with and runs on.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace xr::machine {

/// "gcc 12.2.0"
[[nodiscard]] std::string compiler_name();
/// The commit that the program was built from, "-dirty" after one with changes; "unknown" outside of a repository.
[[nodiscard]] std::string commit();
/// The processor's name as Linux gives it, or "unknown".
[[nodiscard]] std::string processor_name();
/// The file that starts this program once more: /proc/self/exe, or the launcher of the portable archive, which starts the
/// program through its own loader (/proc/self/exe is then the loader) and leaves its path in XRTRAIN_LAUNCHER.
[[nodiscard]] std::string own_program();
/// What follows the first `key` and a colon or blanks, in a file of lines "key   value".
[[nodiscard]] std::optional<std::string> value_in(const std::filesystem::path& file, const std::string& key);

}  // namespace xr::machine
