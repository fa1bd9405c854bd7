// Which patient an image belongs to: from a CSV file, or from its name.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset/csv_table.h"
#include "data/dataset/dicom_table.h"
#include "data/dataset/file_index.h"
#include "data/dataset/notice.h"
#include "data/dataset/path_pattern.h"

namespace xr::data {

/// How the images of one patient (or of any group that must not be split) are told.
struct GroupSettings {
  std::filesystem::path
      table;                 ///< CSV of files and groups; empty: sources.csv of the folder, if there is one
  std::string pattern = {};  ///< Regular expression (ECMAScript) searched for in the path of an image: its
                             ///< first group, or all that matches, names the patient
};

/// From image to patient. What is asked first: the given table, the given pattern, sources.csv, a table of
/// labels that names patients, and then, if none of these was given or there, the tags of DICOM files and, for
/// other files, the names of public sets: files
/// of NIH ChestX-ray14 (00001234_005.png: patient 00001234), folders of CheXpert (patient00001) and MIMIC-CXR
/// (p10000032).
class PatientTable {
 public:
  /// No patients.
  PatientTable() = default;
  /// `sources`: the folder's own table, empty if it has none; `root`: the outer folder that was entered. Throws
  /// xr::Error for a given table or pattern that cannot be used; what is wrong with `sources` goes to `notices`.
  PatientTable(const std::filesystem::path& sources, const GroupSettings& settings,
               std::vector<Notice>& notices, const std::string& root = {},
               std::shared_ptr<const DicomTable> dicom = nullptr);

  /// `path`: relative to the folder, with '/'. Empty if unknown.
  [[nodiscard]] std::string patient_of(const std::string& path) const;
  /// "sources.csv", "the file p.csv", "the pattern p(\\d+)", "DICOM tags", "names of files and folders".
  [[nodiscard]] const std::string& origin() const { return origin_; }
  /// For messages: the same, of a table its path.
  [[nodiscard]] std::string subject() const;
  /// Whether a table or a pattern says who the patients are.
  [[nodiscard]] bool is_given() const { return asked_for_; }
  /// A line on how badly the table or pattern fits these images: it knows fewer than 95 % of their patients,
  /// or has lines that name none of them or several, or more than one patient for a file. Empty if it fits,
  /// and for the names of public sets, which nobody gave.
  [[nodiscard]] std::string misfit(const std::vector<std::string>& paths) const;

 private:
  void read_table(const std::filesystem::path& path, const std::string& root, bool given,
                  std::vector<Notice>& notices);

  std::string origin_;
  std::filesystem::path path_;  // of the table; empty: none
  FileIndex index_;
  std::vector<std::string> patients_;  // by the lines of index_
  std::vector<std::string> twice_;     // files that have another patient in a later line
  std::optional<PathPattern> pattern_, folder_pattern_;
  std::shared_ptr<const DicomTable> dicom_;  // null: not asked
  bool asked_for_ = false;                   // by a table or a pattern
};

/// Fewer known images than this part make a table unusable for what it is read for.
constexpr double min_known_part = 0.95;

}  // namespace xr::data
