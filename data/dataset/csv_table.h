// Tables as text files: comma-separated or not, in the encodings that spreadsheets save.
#pragma once

#include "data/dataset/notice.h"

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace xr::data {

/// A table with a header line.
struct CsvTable {
  std::vector<std::string> header;             ///< Trimmed.
  std::vector<std::vector<std::string>> rows;  ///< As many fields as the header has, trimmed.
  std::size_t unusable =
      0;  ///< Lines with fewer fields, or with text beyond the header's, left out of `rows`.

  /// The first of these columns that there is; letters in any case.
  [[nodiscard]] std::optional<std::size_t> column(std::span<const std::string_view> names) const;
  [[nodiscard]] std::optional<std::size_t> column(std::string_view name) const;
};

/// Reads a text table: UTF-8 with or without byte order mark, UTF-16, or else Windows-1252 (as Excel saves "CSV"); lines
/// that end in LF, CR LF or CR; separated by whichever of comma, semicolon and tab the header has most; fields may be in double quotes.
/// Throws xr::Error (error_code::table_unusable) if it cannot be read, is empty, is a workbook or another binary file, or
/// ends within quotes.
CsvTable read_csv_table(const std::filesystem::path& path);

/// A warning if there are CsvTable::unusable lines beside `used` others.
void note_unusable_lines(std::size_t unusable, std::size_t used, const std::filesystem::path& path,
                         std::vector<Notice>& notices);

/// The text of such a file in UTF-8, without byte order mark.
std::string read_text_table(const std::filesystem::path& path);

/// The records of a CSV text (RFC 4180): quoted fields may hold separators, quotes ("") and line ends. `open_quote`, if
/// given, gets the line, from 1, of a quote that is never closed, else 0.
std::vector<std::vector<std::string>> parse_csv(std::string_view text, char separator = ',',
                                                std::size_t* open_quote = nullptr);

/// Names of the columns that say which file a line is about, and which patient.
std::span<const std::string_view> file_columns();
std::span<const std::string_view> patient_columns();

}  // namespace xr::data
