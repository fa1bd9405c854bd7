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
};

/// The given table, or the folder's own (data::Dataset::sources), or, where neither has a column of sources, the
/// institutions of the DICOM files, else their stations, else the makers of their machines; nothing if there is
/// none of these or if the table cannot be read.
[[nodiscard]] std::optional<SourceTable> find_source_table(const data::Dataset& dataset,
                                                           const data::GroupSettings& settings);

/// Source by class: sources of one class, with the probability that chance makes them so, and the AUC of the
/// class by the source. An image's score is the share of the class among the images of its source in the
/// other four of five folds, as if one more image there had the share p among all, less that share: (k + p) /
/// (n + 1)
/// - p. `groups` as for find_shortcuts.
[[nodiscard]] Check check_sources(const Scan& scan, const SourceTable* table,
                                  std::span<const std::size_t> groups);

/// The same of some images of a scan, whose groups they have.
[[nodiscard]] Check check_sources(const ClassedImages& classed, const Scan& scan, const SourceTable* table);

}  // namespace xr::audit
