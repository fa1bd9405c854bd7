#include "apps/xrtrain/run/findings.h"

#include <fmt/core.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

namespace xr::apps {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string text_in(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// Null if it is damaged.
json read_object(const fs::path& file) {
  std::ifstream stream(file);
  json object = json::parse(stream, nullptr, false);
  return object.is_object() ? object : json();
}

bool same_folder(const std::string& a, const std::string& b) {
  std::error_code code;
  return fs::weakly_canonical(a, code) == fs::weakly_canonical(b, code);
}

bool is_about(const json& audit, const std::string& data) {
  const std::string audited = text_in(audit, "data");
  return audited.empty() || same_folder(audited, data);
}

void take_findings(const json& checks, std::vector<Finding>& findings) {
  for (const auto& [name, entry] : checks.items()) {
    if (!entry.is_object()) continue;
    const std::string verdict = text_in(entry, "verdict");
    if (verdict == "serious" || verdict == "warning")
      findings.push_back({verdict == "serious" ? html::Verdict::serious : html::Verdict::warning,
                          text_in(entry, "id"), text_in(entry, "title"), text_in(entry, "text")});
  }
}

}  // namespace

std::vector<Finding> read_findings(const fs::path& folder, const std::string& data) {
  std::vector<Finding> findings;
  for (const char* name : {"audit.json", "findings.json"}) {
    std::error_code code;
    if (!fs::exists(folder / name, code)) continue;
    const json checks = read_object(folder / name);
    if (checks.is_null()) {
      findings.push_back({html::Verdict::serious, "findings-damaged", "Findings about the data",
                          fmt::format("{} is damaged and was not read: write it again with xrtrain "
                                      "audit {} --out {}",
                                      name, data, folder.string())});
      continue;
    }
    if (!is_about(checks, data)) {
      findings.push_back({html::Verdict::warning, "audit-of-other-images", "Audit of other images",
                          fmt::format("{} is about the images in {}, not in {}, and ignored", name,
                                      text_in(checks, "data"), data)});
      continue;
    }
    take_findings(checks, findings);
    break;
  }
  std::ranges::stable_sort(findings,
                           [](const Finding& a, const Finding& b) { return a.verdict > b.verdict; });
  return findings;
}

json read_audit(const fs::path& folder, const std::string& data) {
  json audit = read_object(folder / "audit.json");
  return audit.is_object() && is_about(audit, data) ? audit : json();
}

bool has_audit(const fs::path& folder, const std::string& data) {
  return read_audit(folder, data).is_object();
}

void add_findings(html::Page& page, const std::vector<Finding>& findings) {
  if (findings.empty()) return;
  page.section("Findings about the data");
  page.paragraph("Read these first: they say whether the figures below mean what they seem to mean.");
  for (const Finding& finding : findings)
    page.badge(finding.verdict, finding.title, html::paragraph(finding.text), finding.id);
}

}  // namespace xr::apps
