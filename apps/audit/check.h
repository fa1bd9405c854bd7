// What a check of the data found.
#pragma once

#include <string>
#include <vector>

#include "apps/audit/figures.h"
#include "apps/audit/finding_id.h"
#include "apps/html/markup.h"

namespace xr::audit {

using html::Verdict;

struct Check {
  std::string name;   ///< its key in audit.json
  std::string title;  ///< "Duplicates"
  FindingId id;       ///< what was found, of several things the worst
  Verdict verdict = Verdict::ok;
  std::string text;                  ///< the finding, one line in plain words
  std::vector<std::string> details;  ///< further lines: tables, advice
  Figures figures;
};

/// An object by the checks' names: what audit.json and a run's findings.json have of them.
[[nodiscard]] std::string checks_json(const std::vector<Check>& checks);
/// Behind the entries of another object.
[[nodiscard]] std::string checks_json(const std::vector<Check>& checks, const nlohmann::json& before);

/// The most serious first; otherwise the order stays.
void sort_by_verdict(std::vector<Check>& checks);

/// The more serious of both.
[[nodiscard]] inline Verdict worse(Verdict a, Verdict b) {
  return static_cast<int>(a) >= static_cast<int>(b) ? a : b;
}

/// "1 image", "2 images".
[[nodiscard]] std::string counted(std::size_t count, const std::string& one, const std::string& many = {});
}  // namespace xr::audit
