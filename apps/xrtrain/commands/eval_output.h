// Where `eval` writes: --out.
#pragma once

#include <filesystem>
#include <vector>

#include "apps/xrtrain/console.h"
#include "apps/xrtrain/run/run_results.h"
#include "data/dataset/skipped_file.h"

namespace xr::apps {

/// Before anything is evaluated. Throws UsageError for a folder that holds something; a .csv file is replaced.
void require_new_output(const std::filesystem::path& out);

/// The table alone into a .csv file; else all figures, and the skipped files, into a folder, which is made.
void write_elsewhere(const RunResults& results, const std::vector<data::SkippedFile>& skipped,
                     const std::filesystem::path& out, Console& console);

}  // namespace xr::apps
