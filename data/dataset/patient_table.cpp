#include "data/dataset/patient_table.h"

#include "engine/io/file.h"
#include "kernels/common/error.h"
#include "kernels/common/error_codes.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace xr::data {

PatientTable::PatientTable(const std::filesystem::path& sources, const GroupSettings& settings,
                           std::vector<Notice>& notices, const std::string& root,
                           std::shared_ptr<const DicomTable> dicom) {
  asked_for_ = true;
  if (!settings.table.empty()) {
    origin_ = fmt::format("the file {}", settings.table.filename().string());
    path_ = settings.table;
    read_table(settings.table, root, true, notices);
  } else if (!settings.pattern.empty()) {
    origin_ = fmt::format("the pattern {}", settings.pattern);
  } else if (!sources.empty()) {
    origin_ = "sources.csv";
    path_ = sources;
    read_table(sources, root, false, notices);
  }
  if (!settings.pattern.empty()) {
    pattern_.emplace(settings.pattern);
    return;
  }
  if (!patients_.empty()) return;
  asked_for_ = false;
  if (dicom != nullptr && dicom->names_patients()) dicom_ = std::move(dicom);
  origin_ = dicom_ ? "DICOM tags" : "names of files and folders";
  pattern_.emplace("(?:^|/)([0-9]{8})_[0-9]{3}\\.[A-Za-z]+$");
  folder_pattern_.emplace("(?:^|/)(patient[0-9]{5}|p[0-9]{8})/");
}

void PatientTable::read_table(const std::filesystem::path& path, const std::string& root, bool given,
                              std::vector<Notice>& notices) {
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
    XR_CHECK_CODE(!given, error_code::table_unusable, "the groups cannot be read: {}", failure);
    notices.push_back(
        {notice_id::patients_unknown, Importance::warning, fmt::format("patients are unknown: {}", failure)});
    return;
  }
  std::vector<std::string> files;
  std::unordered_map<std::string, std::string> first;
  for (std::vector<std::string>& row : table.rows) {
    if (row[*patient].empty()) continue;
    files.push_back(listed_path(std::move(row[*file])));
    const auto [place, added] = first.try_emplace(files.back(), row[*patient]);
    if (!added && place->second != row[*patient]) twice_.push_back(files.back());
    patients_.push_back(std::move(row[*patient]));
  }
  index_ = FileIndex(std::move(files), root);
  note_unusable_lines(table.unusable, table.rows.size(), path, notices);
}

std::string PatientTable::patient_of(const std::string& path) const {
  if (const auto lines = index_.lines_of(path); !lines.empty()) return patients_[lines.front()];
  if (const DicomTags* tags = dicom_ ? dicom_->find(path) : nullptr; tags != nullptr) return tags->patient;
  if (pattern_)
    if (std::string patient = pattern_->find_in(path); !patient.empty()) return patient;
  return folder_pattern_ ? folder_pattern_->find_in(path) : std::string();
}

std::string PatientTable::subject() const {
  return path_.empty() ? origin_ : engine::quote_name(path_);
}

std::string PatientTable::misfit(const std::vector<std::string>& paths) const {
  if (!asked_for_ || paths.empty()) return {};
  const auto known =
      std::ranges::count_if(paths, [&](const std::string& path) { return !patient_of(path).empty(); });
  if (patients_.empty() && known == 0) return fmt::format("{} matches the path of no image", subject());
  const FileFit fit = patients_.empty() ? FileFit{} : fit_of(index_, paths);
  const bool few = static_cast<double>(known) < min_known_part * static_cast<double>(paths.size());
  if (!few && fit.strange == 0 && fit.ambiguous.empty() && twice_.empty()) return {};
  std::string text = fmt::format("{} names the patients of {} of {} images", subject(), known, paths.size());
  if (fit.strange > 0)
    text += fmt::format("; {} of its {} lines fit no image, the first names {}", fit.strange,
                        patients_.size(), engine::quote_name(fit.first_strange));
  if (!fit.ambiguous.empty())
    text += fmt::format("; {} is the name of several images: write the folder before it",
                        engine::quote_name(fit.ambiguous));
  if (!twice_.empty())
    text += fmt::format(
        "; {} of its lines name another patient than an earlier line for the same file, the "
        "first for {}: the earlier counts",
        twice_.size(), engine::quote_name(twice_.front()));
  return text;
}

}  // namespace xr::data
