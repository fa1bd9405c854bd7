// What a folder or table had to say, with what to do about it in terms of the program.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "apps/xrtrain/console.h"
#include "data/dataset/notice.h"
#include "data/dataset/skipped_file.h"

namespace xr::apps {

/// The notice's text and its remedy.
[[nodiscard]] std::string with_remedy(const data::Notice& notice);

/// Notes as lines, warnings as warnings with the notice's name; with --json both as events.
void print_notices(const std::vector<data::Notice>& notices, Console& console);

/// Files that may be images and are not used (unreadable, unreachable, outside every class): a warning with
/// their number and the first few. Other files: a line. Masks are a notice already.
void print_skipped(const std::vector<data::SkippedFile>& skipped, Console& console);

/// The same as texts: of files that may be images, then of other files; those that there are.
[[nodiscard]] std::vector<std::string> skipped_lines(const std::vector<data::SkippedFile>& skipped);

/// skipped.csv in the folder: file, kind, reason. Removes it if nothing is skipped.
void write_skipped(const std::vector<data::SkippedFile>& skipped, const std::filesystem::path& folder);

}  // namespace xr::apps
