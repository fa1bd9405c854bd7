// Where the images come from, and how well that tells their class.
#pragma once

#include <optional>

#include "apps/audit/check.h"
#include "apps/audit/scan.h"
#include "data/dataset/patient_table.h"

namespace xr::audit {

/// The table that may have a column "source".
struct SourceTable {
  std::string name;  ///< of the file, as messages say it
  data::CsvTable table;
  bool by_name = false;  ///< a line without a folder is about every image of that file name
};

/// The given table, or sources.csv of the folder; nothing if there is none or if it cannot be read.
[[nodiscard]] std::optional<SourceTable> read_source_table(const std::filesystem::path& directory,
                                                           const data::GroupSettings& settings);

/// Source by class: sources of one class, with the probability that chance makes them so, and the AUC of the
/// class by the source. An image's score is the share of the class among the images of its source in the
/// other four of five folds, as if one more image there had the share p among all, less that share: (k + p) /
/// (n + 1)
/// - p. `groups` as for find_shortcuts.
[[nodiscard]] Check check_sources(const Scan& scan, const SourceTable* table,
                                  std::span<const std::size_t> groups);

}  // namespace xr::audit
