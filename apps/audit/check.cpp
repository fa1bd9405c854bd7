#include "apps/audit/check.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace xr::audit {

namespace {

nlohmann::json object_of(const std::vector<Check>& checks) {
  nlohmann::json result = nlohmann::json::object();
  for (const Check& check : checks) {
    nlohmann::json entry = check.figures.json();
    entry["id"] = id_name(check.id);
    entry["title"] = check.title;
    entry["verdict"] = html::verdict_name(check.verdict);
    entry["text"] = check.text;
    entry["details"] = check.details;
    result[check.name] = std::move(entry);
  }
  return result;
}

}  // namespace

std::string checks_json(const std::vector<Check>& checks, const nlohmann::json& before) {
  nlohmann::json result = before;
  result.update(object_of(checks));
  return result.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string checks_json(const std::vector<Check>& checks) {
  return checks_json(checks, nlohmann::json::object());
}

void sort_by_verdict(std::vector<Check>& checks) {
  std::ranges::stable_sort(checks, [](const Check& a, const Check& b) { return a.verdict > b.verdict; });
}

std::string counted(std::size_t count, const std::string& one, const std::string& many) {
  return fmt::format("{} {}", count, count == 1 ? one : many.empty() ? one + "s" : many);
}

}  // namespace xr::audit
