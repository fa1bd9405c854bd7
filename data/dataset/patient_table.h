// Which patient an image belongs to: from a CSV file, or from its name.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "data/dataset/path_pattern.h"

namespace xr::data {

/// A CSV file with a header line.
struct CsvTable {
  std::vector<std::string> header;             ///< Trimmed.
  std::vector<std::vector<std::string>> rows;  ///< As many fields as the header has, trimmed.
  std::size_t unusable = 0;                    ///< Lines with too few fields, left out of `rows`.

  /// The first of these columns that there is; letters in any case.
  [[nodiscard]] std::optional<std::size_t> column(std::span<const std::string_view> names) const;
};

/// Reads a comma-separated file, or one separated by semicolons or tabs if its header has these and no comma;
/// fields may be in double quotes. Throws xr::Error if it cannot be read.
CsvTable read_csv_table(const std::filesystem::path& path);

/// Names of the columns that say which file a line is about, and which patient.
std::span<const std::string_view> file_columns();
std::span<const std::string_view> patient_columns();

/// The records of a CSV text (RFC 4180): quoted fields may hold separators, quotes ("") and line ends.
std::vector<std::vector<std::string>> parse_csv(std::string_view text, char separator = ',');

/// A file as a table names it, as the folder does: without "./", and with '/' where it has only '\\'.
std::string listed_path(std::string field);

/// The part of a path after its last '/'.
std::string file_name_of(const std::string& path);

/// How the images of one patient (or of any group that must not be split) are told.
struct GroupSettings {
  std::filesystem::path
      table;                 ///< CSV of files and groups; empty: sources.csv of the folder, if there is one
  std::string pattern = {};  ///< Regular expression (ECMAScript) searched for in the path of an image: its
                             ///< first group, or all that matches, names the patient
};

/// From image to patient. What is asked first: the given table, the given pattern, sources.csv, and then, if
/// none of these was given or there, the names of the NIH ChestX-ray14 set (00001234_005.png: patient 1234).
class PatientTable {
 public:
  /// No patients.
  PatientTable() = default;
  /// Throws xr::Error for a given table or pattern that cannot be used; what is wrong with sources.csv is
  /// told in `warnings`, a line each.
  PatientTable(const std::filesystem::path& directory, const GroupSettings& settings,
               std::vector<std::string>& warnings);

  /// `path`: relative to the folder, with '/'. Empty if unknown.
  [[nodiscard]] std::string patient_of(const std::string& path) const;
  /// "sources.csv", "the file p.csv", "the pattern p(\\d+)", "NIH file names".
  [[nodiscard]] const std::string& origin() const { return origin_; }
  /// A line on how badly the table or pattern fits these images: it knows fewer than 95 % of their patients,
  /// or has lines that name none of them or several, or more than one patient for a file. Empty if it fits,
  /// and for the names of NIH files, which nobody gave.
  [[nodiscard]] std::string misfit(const std::vector<std::string>& paths) const;

 private:
  void read_table(const std::filesystem::path& path, bool given, std::vector<std::string>& warnings);

  std::string origin_;
  std::unordered_map<std::string, std::string> by_path_, by_name_;
  std::vector<std::string> listed_;  // the files that the table names, in its order
  std::vector<std::string> twice_;   // those that it gives another patient in a later line
  std::optional<PathPattern> pattern_;
  bool asked_for_ = false;  // by a table or a pattern
};

/// Fewer known images than this part make a table unusable for what it is read for.
constexpr double min_known_part = 0.95;

}  // namespace xr::data
