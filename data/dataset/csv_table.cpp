#include "data/dataset/csv_table.h"

#include "data/dataset/folder_names.h"
#include "engine/io/file.h"
#include "kernels/common/error.h"
#include "kernels/common/error_codes.h"

#include <algorithm>
#include <array>

namespace xr::data {

namespace {

constexpr std::uint64_t max_table_bytes = std::uint64_t{256} << 20;

using namespace std::string_view_literals;

std::string trimmed(std::string text) {
  const auto is_space = [](char letter) { return letter == ' ' || letter == '\t' || letter == '\r'; };
  while (!text.empty() && is_space(text.back())) text.pop_back();
  text.erase(text.begin(), std::find_if_not(text.begin(), text.end(), is_space));
  return text;
}

/// Which of comma, semicolon and tab the first line has most, outside quotes; of equal ones the first.
char separator_of(std::string_view text) {
  std::array<std::size_t, 3> counts{};
  constexpr std::string_view separators = ",;\t";
  bool quoted = false;
  for (const char letter : text.substr(0, text.find_first_of("\r\n"))) {
    if (letter == '"') quoted = !quoted;
    if (const std::size_t place = separators.find(letter); !quoted && place != separators.npos)
      ++counts[place];
  }
  return separators[static_cast<std::size_t>(std::ranges::max_element(counts) - counts.begin())];
}

void add_utf8(std::string& text, std::uint32_t code) {
  const auto add = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
  if (code < 0x80) return add(code);
  if (code < 0x800) {
    add(0xC0 | code >> 6);
  } else if (code < 0x10000) {
    add(0xE0 | code >> 12);
    add(0x80 | (code >> 6 & 0x3F));
  } else {
    add(0xF0 | code >> 18);
    add(0x80 | (code >> 12 & 0x3F));
    add(0x80 | (code >> 6 & 0x3F));
  }
  add(0x80 | (code & 0x3F));
}

std::string utf8_of_utf16(std::string_view bytes, bool big_endian) {
  const auto unit = [&](std::size_t at) {
    const auto first = static_cast<unsigned char>(bytes[at]),
               second = static_cast<unsigned char>(bytes[at + 1]);
    return static_cast<std::uint32_t>(big_endian ? first << 8 | second : second << 8 | first);
  };
  std::string text;
  for (std::size_t at = 0; at + 1 < bytes.size(); at += 2) {
    std::uint32_t code = unit(at);
    if (code >= 0xD800 && code < 0xDC00 && at + 3 < bytes.size()) {
      code = 0x10000 + ((code - 0xD800) << 10) + (unit(at + 2) & 0x3FF);
      at += 2;
    }
    if (code != 0xFEFF) add_utf8(text, code);
  }
  return text;
}

/// UTF-16 without its mark: every other byte of the first ones is zero.
std::optional<bool> big_endian_utf16(std::string_view bytes) {
  if (bytes.starts_with("\xFF\xFE")) return false;
  if (bytes.starts_with("\xFE\xFF")) return true;
  const std::string_view begin = bytes.substr(0, std::min<std::size_t>(bytes.size() & ~std::size_t{1}, 32));
  if (begin.size() < 4) return std::nullopt;
  std::array<std::size_t, 2> zeros{};
  for (std::size_t i = 0; i < begin.size(); ++i)
    if (begin[i] == '\0') ++zeros[i % 2];
  if (zeros[0] == 0 && zeros[1] == begin.size() / 2) return false;
  if (zeros[1] == 0 && zeros[0] == begin.size() / 2) return true;
  return std::nullopt;
}

}  // namespace

std::string read_text_table(const std::filesystem::path& path) {
  std::vector<std::byte> bytes;
  try {
    bytes = engine::read_file(path, max_table_bytes);
  } catch (const Error& error) {
    throw Error(error_code::table_unusable, error.what(), error.where());
  }
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto is_kind = [&](std::string_view begin, const char* what) {
    XR_CHECK_CODE(!text.starts_with(begin), error_code::table_unusable,
                  "{} is {}, not a text table: save it as CSV", engine::quote_name(path), what);
  };
  is_kind("PK\x03\x04", "a workbook or another zip archive");
  is_kind("\xD0\xCF\x11\xE0", "an old Excel workbook");
  is_kind("%PDF", "a PDF");
  if (const std::optional<bool> big_endian = big_endian_utf16(text)) return utf8_of_utf16(text, *big_endian);
  XR_CHECK_CODE(text.find('\0') == text.npos, error_code::table_unusable,
                "{} is a binary file, not a text table", engine::quote_name(path));
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return std::string(text);
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
    } else if (!quoted_field && (letter == '\n' || letter == '\r')) {
      if (letter == '\n' && i > 0 && text[i - 1] == '\r') continue;
      end_record();
    } else {
      field += letter;
    }
  }
  if (!field.empty() || !record.empty()) end_record();
  return records;
}

std::span<const std::string_view> file_columns() {
  static constexpr std::array names = {"file"sv,        "path"sv,       "filename"sv,   "file_name"sv,
                                       "file name"sv,   "filepath"sv,   "file_path"sv,  "image"sv,
                                       "image index"sv, "image_path"sv, "image path"sv, "imagepath"sv,
                                       "image_id"sv,    "image id"sv,   "imageid"sv,    "image_name"sv,
                                       "image name"sv,  "img"sv,        "dicom_id"sv};
  return names;
}

std::span<const std::string_view> patient_columns() {
  static constexpr std::array names = {"patient"sv,   "group"sv,   "patient_id"sv, "patient id"sv,
                                       "patientid"sv, "subject"sv, "subject_id"sv, "group_id"sv};
  return names;
}

std::optional<std::size_t> CsvTable::column(std::span<const std::string_view> names) const {
  for (const std::string_view name : names)
    if (const auto found = column(name)) return found;
  return std::nullopt;
}

std::optional<std::size_t> CsvTable::column(std::string_view name) const {
  for (std::size_t i = 0; i < header.size(); ++i)
    if (lower_case(header[i]) == lower_case(name)) return i;
  return std::nullopt;
}

CsvTable read_csv_table(const std::filesystem::path& path) {
  std::string whole = read_text_table(path);
  std::string_view text = whole;
  std::optional<char> separator;
  if (text.starts_with("sep=") && text.size() > 5) {  // as Excel writes it
    separator = text[4];
    text.remove_prefix(std::min(text.find_first_of("\r\n"), text.size()));
  }
  std::vector<std::vector<std::string>> records = parse_csv(text, separator.value_or(separator_of(text)));
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
  XR_CHECK_CODE(!table.header.empty(), error_code::table_unusable, "{} has no lines",
                engine::quote_name(path));
  return table;
}

}  // namespace xr::data
