// What the tags of the DICOM files in a folder say: patients, sites, machines. Names nobody.
#pragma once

#include "data/dataset/notice.h"
#include "data/image/dicom_tags.h"

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace xr::data {

/// Tags of each DICOM file of a set. Pseudonyms are keyed by a hash of all identifiers of the set's patients,
/// studies and images: the same files give the same pseudonyms in every command and on every machine, and nobody
/// who has only what is written can compute the key.
class DicomTable {
 public:
  /// Reads the beginnings of those of `paths` (relative to `directory`, with '/') that are DICOM files by
  /// content. Files whose name has the extension of another format are not opened. What cannot be read as DICOM
  /// is passed over: decoding reports it. The result is a function of the files in order of path.
  DicomTable(const std::filesystem::path& directory, std::vector<std::string> paths, int workers);

  /// Null for another file.
  [[nodiscard]] const DicomTags* find(const std::string& path) const;
  /// In order of path; those of files that hold a picture.
  [[nodiscard]] const std::vector<std::pair<std::string, DicomTags>>& files() const { return files_; }
  [[nodiscard]] bool names_patients() const { return patients_ > 0; }

  /// DICOM files without a picture (reports, presentation states, indices), with the reason.
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& without_picture() const {
    return without_picture_;
  }
  /// A line on what was read, and what of it cannot be used.
  [[nodiscard]] std::vector<Notice> notices() const;

 private:
  void drop_shared_identifier();

  std::vector<std::pair<std::string, DicomTags>> files_;
  std::vector<std::pair<std::string, std::string>> without_picture_;
  std::size_t patients_ = 0, with_patient_ = 0;
  std::size_t shared_identifier_ = 0;       // images whose identifier names no single patient
  std::vector<std::string> telling_paths_;  // paths that hold the patient's identifier or name
};

/// The columns of the table for groups of images: "site", "view_position", ...
struct DicomColumn {
  const char* name;
  std::string DicomTags::*value;
};
[[nodiscard]] const std::vector<DicomColumn>& dicom_columns();

/// Null if none of the files is DICOM.
[[nodiscard]] std::shared_ptr<const DicomTable> read_dicom_table(const std::filesystem::path& directory,
                                                                 std::vector<std::string> paths);

}  // namespace xr::data
