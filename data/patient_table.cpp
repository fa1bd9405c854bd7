#include "data/patient_table.h"

#include "data/file.h"
#include "kernels/error.h"

#include <algorithm>
#include <optional>

namespace xr::data {

namespace {

constexpr std::uint64_t max_table_bytes = std::uint64_t{256} << 20;

std::string trimmed(std::string text) {
  const auto is_space = [](char letter) { return letter == ' ' || letter == '\t' || letter == '\r'; };
  while (!text.empty() && is_space(text.back())) text.pop_back();
  text.erase(text.begin(), std::find_if_not(text.begin(), text.end(), is_space));
  return text;
}

std::optional<std::size_t> find_column(const std::vector<std::string>& header, std::string_view name) {
  for (std::size_t i = 0; i < header.size(); ++i)
    if (trimmed(header[i]) == name) return i;
  return std::nullopt;
}

}  // namespace

std::vector<std::vector<std::string>> parse_csv(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // byte order mark
  std::vector<std::vector<std::string>> records;
  std::vector<std::string> record;
  std::string field;
  bool quoted_field = false;
  const auto end_record = [&] {
    record.push_back(std::move(field));
    if (record.size() > 1 || !trimmed(record[0]).empty()) records.push_back(std::move(record));
    record.clear();
    field.clear();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char letter = text[i];
    if (quoted_field && letter == '"' && i + 1 < text.size() && text[i + 1] == '"') {
      field += '"';
      ++i;
    } else if (letter == '"') {
      quoted_field = quoted_field ? false : field.empty();
    } else if (!quoted_field && letter == ',') {
      record.push_back(std::move(field));
      field.clear();
    } else if (!quoted_field && letter == '\n') {
      end_record();
    } else {
      field += letter;
    }
  }
  if (!field.empty() || !record.empty()) end_record();
  return records;
}

std::unordered_map<std::string, std::string> read_patient_table(const std::filesystem::path& directory,
                                                                std::vector<std::string>& warnings) {
  const std::filesystem::path path = directory / "sources.csv";
  std::error_code code;
  if (!std::filesystem::exists(path, code)) return {};
  std::vector<std::vector<std::string>> records;
  try {
    const std::vector<std::byte> bytes = read_file(path, max_table_bytes);
    records = parse_csv({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  } catch (const Error& error) {
    warnings.push_back(fmt::format("patients are unknown: {}", error.what()));
    return {};
  }
  const auto file_column = records.empty() ? std::nullopt : find_column(records[0], "file");
  const auto patient_column = records.empty() ? std::nullopt : find_column(records[0], "patient");
  if (!file_column || !patient_column) {
    warnings.push_back(
        fmt::format("patients are unknown: {} has no columns 'file' and 'patient'", quote_name(path)));
    return {};
  }
  std::unordered_map<std::string, std::string> patients;
  std::size_t unusable = 0;
  for (std::size_t i = 1; i < records.size(); ++i) {
    if (records[i].size() <= std::max(*file_column, *patient_column)) {
      ++unusable;
      continue;
    }
    std::string patient = trimmed(records[i][*patient_column]);
    if (!patient.empty()) patients[trimmed(records[i][*file_column])] = std::move(patient);
  }
  if (unusable > 0)
    warnings.push_back(fmt::format("{} of {} lines of {} have too few fields and are not used", unusable,
                                   records.size() - 1, quote_name(path)));
  return patients;
}

}  // namespace xr::data
