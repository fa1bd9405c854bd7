// sources.csv: which patient an image belongs to.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace xr::data {

/// From image path (relative to the folder that holds sources.csv) to patient. Empty if there is no
/// sources.csv. The file is comma-separated with a header line that names the columns `file` and `patient`;
/// fields may be in double quotes. What cannot be used is told in `warnings`, a line each.
std::unordered_map<std::string, std::string> read_patient_table(const std::filesystem::path& directory,
                                                                std::vector<std::string>& warnings);

/// The records of a CSV text (RFC 4180): quoted fields may hold commas, quotes ("") and line ends.
std::vector<std::vector<std::string>> parse_csv(std::string_view text);

}  // namespace xr::data
