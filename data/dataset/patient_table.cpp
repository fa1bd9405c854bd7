#include "data/dataset/patient_table.h"

#include "engine/io/file.h"
#include "kernels/common/error.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <unordered_set>

namespace xr::data {

namespace {

constexpr std::uint64_t max_table_bytes = std::uint64_t{256} << 20;

std::string trimmed(std::string text) {
  const auto is_space = [](char letter) { return letter == ' ' || letter == '\t' || letter == '\r'; };
  while (!text.empty() && is_space(text.back())) text.pop_back();
  text.erase(text.begin(), std::find_if_not(text.begin(), text.end(), is_space));
  return text;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& letter : result) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return result;
}

/// What stands most in the header if it has no comma, as spreadsheets of some countries write it.
char separator_of(std::string_view text) {
  const std::string_view header = text.substr(0, text.find('\n'));
  if (header.find(',') != std::string_view::npos) return ',';
  const auto semicolons = std::ranges::count(header, ';'), tabs = std::ranges::count(header, '\t');
  return semicolons == 0 && tabs == 0 ? ',' : semicolons >= tabs ? ';' : '\t';
}

}  // namespace

std::string file_name_of(const std::string& path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

std::string listed_path(std::string field) {
  if (field.find('/') == std::string::npos) std::ranges::replace(field, '\\', '/');
  if (field.starts_with("./")) field.erase(0, 2);
  return field;
}

std::vector<std::vector<std::string>> parse_csv(std::string_view text, char separator) {
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
    } else if (!quoted_field && letter == separator) {
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

std::span<const std::string_view> file_columns() {
  static constexpr std::array<std::string_view, 6> names = {"file",  "path",        "filename",
                                                            "image", "image index", "image_path"};
  return names;
}

std::span<const std::string_view> patient_columns() {
  static constexpr std::array<std::string_view, 8> names = {
      "patient", "group", "patient_id", "patient id", "patientid", "subject", "subject_id", "group_id"};
  return names;
}

std::optional<std::size_t> CsvTable::column(std::span<const std::string_view> names) const {
  for (const std::string_view name : names)
    for (std::size_t i = 0; i < header.size(); ++i)
      if (lower(header[i]) == name) return i;
  return std::nullopt;
}

CsvTable read_csv_table(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = engine::read_file(path, max_table_bytes);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::vector<std::vector<std::string>> records = parse_csv(text, separator_of(text));
  CsvTable table;
  for (std::size_t i = 0; i < records.size(); ++i) {
    for (std::string& field : records[i]) field = trimmed(std::move(field));
    if (i == 0) {
      table.header = std::move(records[0]);
    } else if (records[i].size() < table.header.size()) {
      ++table.unusable;
    } else {
      records[i].resize(table.header.size());
      table.rows.push_back(std::move(records[i]));
    }
  }
  return table;
}

PatientTable::PatientTable(const std::filesystem::path& directory, const GroupSettings& settings,
                           std::vector<std::string>& warnings) {
  std::error_code code;
  asked_for_ = true;
  if (!settings.table.empty()) {
    origin_ = fmt::format("the file {}", settings.table.filename().string());
    read_table(settings.table, true, warnings);
  } else if (!settings.pattern.empty()) {
    origin_ = fmt::format("the pattern {}", settings.pattern);
  } else if (std::filesystem::exists(directory / "sources.csv", code)) {
    origin_ = "sources.csv";
    read_table(directory / "sources.csv", false, warnings);
  }
  if (settings.pattern.empty()) {
    if (!by_path_.empty() || !by_name_.empty()) return;
    origin_ = "NIH file names";
    asked_for_ = false;
    pattern_.emplace("(?:^|/)([0-9]{8})_[0-9]{3}\\.[A-Za-z]+$");
    return;
  }
  pattern_.emplace(settings.pattern);
}

void PatientTable::read_table(const std::filesystem::path& path, bool given,
                              std::vector<std::string>& warnings) {
  CsvTable table;
  std::string failure;
  try {
    table = read_csv_table(path);
  } catch (const Error& error) {
    failure = error.what();
  }
  const auto file = table.column(file_columns()), patient = table.column(patient_columns());
  if (failure.empty() && (!file || !patient))
    failure = fmt::format("{} has no columns 'file' and 'patient'", engine::quote_name(path));
  if (!failure.empty()) {
    XR_CHECK(!given, "the groups cannot be read: {}", failure);
    warnings.push_back(fmt::format("patients are unknown: {}", failure));
    return;
  }
  for (std::vector<std::string>& row : table.rows) {
    if (row[*patient].empty()) continue;
    listed_.push_back(listed_path(std::move(row[*file])));
    // A given table may name the files without their folder.
    auto& patients = given && listed_.back().find('/') == std::string::npos ? by_name_ : by_path_;
    const auto [place, added] = patients.try_emplace(listed_.back(), row[*patient]);
    if (!added && place->second != row[*patient]) twice_.push_back(listed_.back());
  }
  if (table.unusable > 0)
    warnings.push_back(fmt::format("{} of {} lines of {} have too few fields and are not used",
                                   table.unusable, table.rows.size() + table.unusable,
                                   engine::quote_name(path)));
}

std::string PatientTable::patient_of(const std::string& path) const {
  if (const auto found = by_path_.find(path); found != by_path_.end()) return found->second;
  if (const auto found = by_name_.find(file_name_of(path)); found != by_name_.end()) return found->second;
  return pattern_ ? pattern_->find_in(path) : std::string();
}

std::string PatientTable::misfit(const std::vector<std::string>& paths) const {
  if (!asked_for_ || paths.empty()) return {};
  std::unordered_set<std::string> found;
  std::string ambiguous;  // the first such name
  std::size_t known = 0;
  for (const std::string& path : paths) {
    if (!patient_of(path).empty()) ++known;
    found.insert(path);
    if (by_path_.contains(path)) continue;
    std::string name = file_name_of(path);
    if (by_name_.contains(name) && !found.insert(name).second && ambiguous.empty())
      ambiguous = std::move(name);
  }
  const bool few = static_cast<double>(known) < min_known_part * static_cast<double>(paths.size());
  if (listed_.empty() && known == 0) return fmt::format("{} matches the path of no image", origin_);
  const auto strange =
      std::ranges::count_if(listed_, [&](const std::string& file) { return !found.contains(file); });
  if (!few && strange == 0 && ambiguous.empty() && twice_.empty()) return {};
  std::string text = fmt::format("{} names the patients of {} of {} images", origin_, known, paths.size());
  if (strange > 0) {
    const auto first = std::ranges::find_if(listed_, [&](const auto& file) { return !found.contains(file); });
    text += fmt::format("; {} of its {} lines fit no image, the first names {}", strange, listed_.size(),
                        engine::quote_name(*first));
  }
  if (!ambiguous.empty())
    text += fmt::format("; {} is the name of several images: write the folder before it",
                        engine::quote_name(ambiguous));
  if (!twice_.empty())
    text += fmt::format(
        "; {} of its lines name another patient than an earlier line for the same file, the "
        "first for {}: the earlier counts",
        twice_.size(), engine::quote_name(twice_.front()));
  return text;
}

}  // namespace xr::data
