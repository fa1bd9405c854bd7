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

/// Bytes of a UTF-8 sequence at `at`, by its first byte and what follows; 0 if it is none (RFC 3629).
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(at);
  const std::size_t length = first < 0x80                     ? 1
                             : first >= 0xC2 && first <= 0xDF ? 2
                             : first >= 0xE0 && first <= 0xEF ? 3
                             : first >= 0xF0 && first <= 0xF4 ? 4
                                                              : 0;
  if (length == 0 || at + length > text.size()) return 0;
  for (std::size_t i = at + 1; i < at + length; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  return length;
}

bool is_utf8_text(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

/// https://encoding.spec.whatwg.org/index-windows-1252.txt; its other bytes are their own codes.
std::string utf8_of_windows1252(std::string_view bytes) {
  static constexpr std::array<std::uint16_t, 32> codes = {
      0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
      0x2039, 0x0152, 0x8D,   0x017D, 0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
      0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};
  std::string text;
  for (const char letter : bytes) {
    const auto byte = static_cast<unsigned char>(letter);
    add_utf8(text, byte >= 0x80 && byte < 0xA0 ? codes[byte - 0x80] : std::uint32_t{byte});
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

/// The line, from 1, that this place lies in; lines end in LF, CR LF or CR.
std::size_t line_at(std::string_view text, std::size_t place) {
  std::size_t line = 1;
  for (std::size_t i = 0; i < place; ++i)
    if (text[i] == '\n' || (text[i] == '\r' && !text.substr(i + 1).starts_with('\n'))) ++line;
  return line;
}

/// Whether there is text in fields that the header does not have: a separator that was not quoted, mostly.
bool has_text_beyond(const std::vector<std::string>& record, std::size_t width) {
  for (std::size_t i = width; i < record.size(); ++i)
    if (!record[i].empty()) return true;
  return false;
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
  return is_utf8_text(text) ? std::string(text) : utf8_of_windows1252(text);
}

std::vector<std::vector<std::string>> parse_csv(std::string_view text, char separator,
                                                std::size_t* open_quote) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // byte order mark
  std::vector<std::vector<std::string>> records;
  std::vector<std::string> record;
  std::string field;
  bool quoted_field = false;
  std::size_t quote = 0;  // where the last one begins
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
      if (quoted_field) quote = i;
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
  if (open_quote != nullptr) *open_quote = quoted_field ? line_at(text, quote) : 0;
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

void note_unusable_lines(std::size_t unusable, std::size_t used, const std::filesystem::path& path,
                         std::vector<Notice>& notices) {
  if (unusable == 0) return;
  notices.push_back(
      {notice_id::table_lines_unusable,
       Importance::warning,
       fmt::format("{} of {} lines of {} have fewer or more fields than its header and are not used",
                   unusable, used + unusable, engine::quote_name(path)),
       {},
       static_cast<std::int64_t>(unusable)});
}

CsvTable read_csv_table(const std::filesystem::path& path) {
  std::string whole = read_text_table(path);
  std::string_view text = whole;
  std::optional<char> separator;
  if (text.starts_with("sep=") && text.size() > 5) {  // as Excel writes it
    separator = text[4];
    text.remove_prefix(std::min(text.find_first_of("\r\n"), text.size()));
  }
  std::size_t open_quote = 0;
  std::vector<std::vector<std::string>> records =
      parse_csv(text, separator.value_or(separator_of(text)), &open_quote);
  XR_CHECK_CODE(open_quote == 0, error_code::table_unusable,
                "line {} of {} begins a quote that is never closed: the lines below it cannot be told apart",
                open_quote, engine::quote_name(path));
  CsvTable table;
  for (std::size_t i = 0; i < records.size(); ++i) {
    for (std::string& field : records[i]) field = trimmed(std::move(field));
    if (i == 0) {
      table.header = std::move(records[0]);
    } else if (records[i].size() < table.header.size() || has_text_beyond(records[i], table.header.size())) {
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
