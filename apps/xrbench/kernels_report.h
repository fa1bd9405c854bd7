// The results of `xrbench kernels` for people and for programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/xrbench/race.h"

namespace xr::bench {

/// What was measured where: the head of the output, in this order.
struct ReportHead {
  std::vector<std::pair<std::string, std::string>> lines;  ///< name, text
  std::optional<Ceilings> ceilings;                        ///< none where nothing is timed
};

[[nodiscard]] std::string to_text(const ReportHead& head);
/// The names of the columns.
[[nodiscard]] std::string columns_text(bool timed);
/// One line for the operation and one for each kernel, "*" before the fastest, "wrong" behind a wrong one.
[[nodiscard]] std::string to_text(const RaceResult& result, const std::optional<Ceilings>& ceilings);

/// Keys with units in their names; null for what was not measured.
[[nodiscard]] nlohmann::json to_json(const ReportHead& head);
[[nodiscard]] nlohmann::json to_json(const RaceResult& result, const std::optional<Ceilings>& ceilings);

}  // namespace xr::bench
