// The audit of a data folder: all checks together.
#pragma once

#include <optional>

#include "apps/audit/checks.h"
#include "apps/audit/shortcuts.h"
#include "apps/audit/sources.h"
#include "apps/audit/tell.h"

namespace xr::audit {

struct AuditSettings {
  data::GroupSettings groups;
  data::SkipFolders skip_folders = {};
  data::LabelSettings labels = {};
  int network_size = 224;
  int workers = 0;  ///< threads; 0: one per core
};

struct Audit {
  Scan scan;
  Copies copies;
  Shortcuts shortcuts;
  std::vector<Check> checks;  ///< the most serious first
  double seconds_decoding = 0, seconds_comparing = 0, seconds_learning = 0;

  [[nodiscard]] Verdict verdict() const;
};

/// Reads and checks the images of a folder. Throws xr::Error for a folder without classes (image_folder.h). Ranks that see
/// the same images do it together, and each gets the same audit.
[[nodiscard]] Audit audit_folder(const std::filesystem::path& directory, const AuditSettings& settings,
                                 const Tell& tell, Ranks ranks = nullptr);

/// audit.json; docs/formats.md describes it.
[[nodiscard]] std::string audit_json(const Audit& audit);

}  // namespace xr::audit
