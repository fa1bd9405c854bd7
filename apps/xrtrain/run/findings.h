// What an audit says against the images of a run or a cross-validation, as files in its folder have it.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "apps/html/page.h"

namespace xr::apps {

struct Finding {
  html::Verdict verdict;
  std::string id;  ///< as in the file (audit::FindingId), "findings-damaged" or "audit-of-other-images"
  std::string title, text;
};

/// Of audit.json in the folder, if it is about the images in `data` (or does not say about which), else of
/// findings.json; the most serious first. A file that cannot be read, and an audit of other images, are
/// findings themselves. None if there is no file.
[[nodiscard]] std::vector<Finding> read_findings(const std::filesystem::path& folder,
                                                 const std::string& data);
/// audit.json of the folder; null if it is not there, cannot be read or is about other images.
[[nodiscard]] nlohmann::json read_audit(const std::filesystem::path& folder, const std::string& data);

[[nodiscard]] bool has_audit(const std::filesystem::path& folder, const std::string& data);

/// A section for them, if there are any.
void add_findings(html::Page& page, const std::vector<Finding>& findings);

}  // namespace xr::apps
