#include "data/dataset/dicom_table.h"

#include "data/dataset/folder_names.h"
#include "data/dataset/image_candidate.h"
#include "data/loader/jobs.h"
#include "engine/io/file.h"
#include "kernels/common/error.h"
#include "kernels/common/error_codes.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string_view>

namespace xr::data {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t first_part = std::size_t{8} << 10, largest_part = std::size_t{512} << 20;
constexpr std::size_t shown_digits = 16;  // of a patient's pseudonym: 64 bits tell a million patients apart
constexpr std::size_t shown_site_digits = 8;  // of a site's: there are few
constexpr std::size_t min_for_placeholder =
    20;  // images, before most of them sharing one identifier says anything

/// Whether a file of this name is worth opening: DICOM files often have no extension, or the number of the image.
bool may_be_dicom(const fs::path& path) {
  const std::string extension = lower_case(path.extension().string());
  return extension == ".dcm" || extension == ".dicom" || extension == ".ima" || !has_image_extension(path);
}

/// What a file says, of which no more is read than is needed.
std::optional<DicomIdentity> identity_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> bytes;
  for (std::size_t size = first_part; file && size <= largest_part; size *= 16) {
    const std::size_t before = bytes.size();
    bytes.resize(size);
    file.read(bytes.data() + before, static_cast<std::streamsize>(size - before));
    const auto got = static_cast<std::size_t>(file.gcount());
    bytes.resize(before + got);
    const bool whole = before + got < size;
    try {
      return read_dicom_identity(std::as_bytes(std::span(bytes)), whole);
    } catch (const Error& error) {
      if (whole || error.code() != error_code::image_truncated) return std::nullopt;
    }
  }
  return std::nullopt;
}

std::string shortened(const std::string& pseudonym, std::size_t digits, const char* before) {
  return pseudonym.empty() ? std::string() : before + pseudonym.substr(0, digits);
}

/// Whether the path shows who the patient is: the identifier, or a part of the name, of four letters or more.
bool tells_patient(const std::string& path, const DicomIdentity& identity) {
  constexpr std::size_t min_letters = 4;
  const std::string in = lower_case(path);
  for (const std::string& secret : {lower_case(identity.identifier), lower_case(identity.name)})
    for (std::size_t at = 0; at < secret.size();) {
      const std::size_t end = std::min(secret.find_first_of("^= ", at), secret.size());
      if (end - at >= min_letters && in.find(secret.substr(at, end - at)) != std::string::npos) return true;
      at = end + 1;
    }
  return false;
}

/// "PA 80, AP 40": the most frequent first, at most four.
std::string counts_text(const std::map<std::string, std::size_t>& counts) {
  std::vector<std::pair<std::size_t, std::string>> order;
  for (const auto& [value, count] : counts) order.emplace_back(count, value);
  std::ranges::stable_sort(order, [](const auto& a, const auto& b) { return a.first > b.first; });
  constexpr std::size_t shown = 4;
  std::string text;
  for (std::size_t i = 0; i < std::min(order.size(), shown); ++i)
    text += fmt::format("{}{} {}", i == 0 ? "" : ", ", order[i].second, order[i].first);
  return order.size() > shown ? text + ", ..." : text;
}

}  // namespace

const std::vector<DicomColumn>& dicom_columns() {
  static const std::vector<DicomColumn> columns = {{"site", &DicomTags::site},
                                                   {"station", &DicomTags::station},
                                                   {"view_position", &DicomTags::view_position},
                                                   {"manufacturer", &DicomTags::manufacturer},
                                                   {"model", &DicomTags::model},
                                                   {"modality", &DicomTags::modality},
                                                   {"sex", &DicomTags::sex}};
  return columns;
}

DicomTable::DicomTable(const fs::path& directory, std::vector<std::string> paths, int workers) {
  std::erase_if(paths, [](const std::string& path) { return !may_be_dicom(path); });
  std::ranges::sort(paths);
  std::vector<std::optional<DicomIdentity>> identities(paths.size());
  run_jobs(paths.size(), workers, {},
           [&](std::size_t i) { identities[i] = identity_of(directory / paths[i]); });
  std::vector<std::string> secrets;
  for (const std::optional<DicomIdentity>& identity : identities)
    if (identity) secrets.push_back(identity->instance);
  const PseudonymKey key = key_of(secrets);
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (!identities[i]) continue;
    DicomTags tags = tags_of(*identities[i], key);
    if (!identities[i]->has_picture) {
      without_picture_.emplace_back(paths[i],
                                    fmt::format("a DICOM file without a picture{}",
                                                tags.modality.empty() ? "" : " (" + tags.modality + ")"));
      continue;
    }
    tags.patient = shortened(tags.patient, shown_digits, "");
    tags.site = shortened(tags.site, shown_site_digits, "site ");
    tags.station = shortened(tags.station, shown_site_digits, "station ");
    if (tells_patient(paths[i], *identities[i])) telling_paths_.push_back(paths[i]);
    files_.emplace_back(paths[i], std::move(tags));
  }
  drop_shared_identifier();
}

/// De-identification may leave one identifier for everybody.
void DicomTable::drop_shared_identifier() {
  std::map<std::string, std::size_t> counts;
  for (const auto& [path, tags] : files_)
    if (!tags.patient.empty()) ++counts[tags.patient];
  for (const auto& [patient, count] : counts) {
    if (files_.size() < min_for_placeholder || 2 * count <= files_.size()) continue;
    shared_identifier_ = count;
    for (auto& [path, tags] : files_)
      if (tags.patient == patient) tags.patient.clear();
  }
  patients_ = counts.size() - (shared_identifier_ > 0 ? 1 : 0);
  for (const auto& [path, tags] : files_)
    if (!tags.patient.empty()) ++with_patient_;
}

const DicomTags* DicomTable::find(const std::string& path) const {
  const auto found = std::ranges::lower_bound(files_, path, {}, &std::pair<std::string, DicomTags>::first);
  return found != files_.end() && found->first == path ? &found->second : nullptr;
}

std::vector<Notice> DicomTable::notices() const {
  std::vector<Notice> result;
  if (!files_.empty()) {
    std::string text = fmt::format("tags of {} DICOM file{}: {} patient{}", files_.size(),
                                   files_.size() == 1 ? "" : "s", patients_, patients_ == 1 ? "" : "s");
    if (with_patient_ < files_.size())
      text += fmt::format(" ({} of these images name none)", files_.size() - with_patient_);
    for (const auto& [words, value] :
         {std::pair{"site", &DicomTags::site}, {"maker", &DicomTags::manufacturer}}) {
      std::set<std::string> values;
      for (const auto& [path, tags] : files_)
        if (!(tags.*value).empty()) values.insert(tags.*value);
      text += fmt::format(", {} {}{}", values.size(), words, values.size() == 1 ? "" : "s");
    }
    std::map<std::string, std::size_t> views;
    for (const auto& [path, tags] : files_)
      if (!tags.view_position.empty()) ++views[tags.view_position];
    if (!views.empty()) text += ", views " + counts_text(views);
    result.push_back({notice_id::dicom_tags_read,
                      Importance::note,
                      std::move(text),
                      {},
                      static_cast<std::int64_t>(files_.size())});
  }
  if (shared_identifier_ > 0)
    result.push_back(
        {notice_id::dicom_patients_unusable,
         Importance::warning,
         fmt::format("{} of {} DICOM files have the same patient identifier, as de-identification "
                     "leaves it: their patients are unknown",
                     shared_identifier_, files_.size()),
         {},
         static_cast<std::int64_t>(shared_identifier_)});
  if (!telling_paths_.empty())
    result.push_back(
        {notice_id::dicom_patients_in_paths,
         Importance::warning,
         fmt::format("the paths of {} DICOM file{} hold the patient's identifier or name, and results "
                     "list paths: rename them before results are given away",
                     telling_paths_.size(), telling_paths_.size() == 1 ? "" : "s"),
         {},
         static_cast<std::int64_t>(telling_paths_.size())});
  if (!without_picture_.empty())
    result.push_back(
        {notice_id::dicom_without_picture,
         Importance::note,
         fmt::format("{} DICOM file{} without a picture (reports, indices and the like) skipped, the "
                     "first is {}",
                     without_picture_.size(), without_picture_.size() == 1 ? " is" : "s are",
                     engine::quote_name(without_picture_.front().first)),
         {},
         static_cast<std::int64_t>(without_picture_.size())});
  return result;
}

std::shared_ptr<const DicomTable> read_dicom_table(const fs::path& directory,
                                                   std::vector<std::string> paths) {
  auto table = std::make_shared<const DicomTable>(directory, std::move(paths), 0);
  const bool any = !table->files().empty() || !table->without_picture().empty();
  return any ? table : nullptr;
}

}  // namespace xr::data
