// The tags of a folder's DICOM files: who belongs together, and nobody's name.
#include "data/dataset/dicom_table.h"

#include "data/dataset/image_folder.h"
#include "data/image/dicom_dataset.h"
#include "kernels/common/error_codes.h"
#include "tests/data/dicom_patients.h"

#include <algorithm>
#include <set>

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;

namespace {

DicomPatient patient_number(int number) {
  DicomPatient patient;
  patient.identifier += std::to_string(number);
  return patient;
}

const Notice* find_notice(const std::vector<Notice>& notices, NoticeId id) {
  const auto found = std::ranges::find(notices, id, &Notice::id);
  return found == notices.end() ? nullptr : &*found;
}

/// a/ and b/: `patients` each, with two images.
void make_folder(const fs::path& folder, int patients) {
  for (int c = 0; c < 2; ++c)
    for (int i = 0; i < 2 * patients; ++i)
      write_bytes(folder / (c == 0 ? "a" : "b") / fmt::format("{:02}.dcm", i),
                  dicom_image_of(patient_number(100 * c + i / 2), 1000 * c + i, c == 0).file());
}

std::string everything_in(const DicomTable& table) {
  std::string all;
  for (const auto& [path, tags] : table.files()) {
    all += tags.patient + '\n';
    for (const DicomColumn& column : dicom_columns()) all += tags.*column.value + '\n';
  }
  for (const auto& [path, reason] : table.without_picture()) all += reason + '\n';
  for (const Notice& notice : table.notices()) all += notice.text + '\n';
  std::ranges::transform(all, all.begin(),
                         [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return all;
}

}  // namespace

TEST_CASE("DICOM table: patients sites and machines of a folder and no name") {
  const TemporaryFolder folder;
  DicomPatient other = patient_number(2);
  other.institution = "Other Nimmerlein Hospital";
  write_bytes(folder / "a/1.dcm", dicom_image_of(patient_number(1), 1, true).file());
  write_bytes(folder / "a/2", dicom_image_of(patient_number(1), 2, true).file());  // without extension
  write_bytes(folder / "b/3.DCM", dicom_image_of(other, 3, true).file());
  write_bytes(folder / "b/report.sr", dicom_report_of(other, 4).file());
  std::vector<std::byte> damaged = dicom_image_of(other, 5, true).file();
  damaged.resize(200);
  write_bytes(folder / "b/damaged.dcm", damaged);
  make_png(folder / "b/4.png");
  const std::vector<std::string> paths = {"a/1.dcm",     "a/2",     "b/3.DCM",
                                          "b/report.sr", "b/4.png", "b/damaged.dcm"};
  const DicomTable table(folder.path(), paths, 2);
  REQUIRE(table.files().size() == 3);
  CHECK(table.names_patients());
  const DicomTags &first = *table.find("a/1.dcm"), &second = *table.find("a/2"),
                  &third = *table.find("b/3.DCM");
  CHECK(first.patient.size() == 16);
  CHECK(first.patient == second.patient);
  CHECK(first.patient != third.patient);
  CHECK(first.site == second.site);
  CHECK(first.site != third.site);
  CHECK(first.station != third.station);  // of the same name in another institution
  CHECK(first.view_position == "PA");
  CHECK(table.find("b/4.png") == nullptr);
  CHECK(table.find("b/damaged.dcm") == nullptr);
  CHECK(table.find("a/0.dcm") == nullptr);
  REQUIRE(table.without_picture().size() == 1);
  CHECK(table.without_picture()[0].first == "b/report.sr");
  CHECK_THAT(table.without_picture()[0].second, contains("SR"));
  const std::vector<Notice> notices = table.notices();
  REQUIRE(find_notice(notices, notice_id::dicom_tags_read));
  CHECK(find_notice(notices, notice_id::dicom_tags_read)->count == 3);
  CHECK_THAT(find_notice(notices, notice_id::dicom_tags_read)->text,
             contains("2 patients") && contains("2 sites"));
  CHECK(find_notice(notices, notice_id::dicom_without_picture)->count == 1);
  CHECK(find_notice(notices, notice_id::dicom_patients_in_paths) == nullptr);
  const std::string all = everything_in(table);
  for (const std::string& secret : dicom_secrets) {
    INFO(secret);
    CHECK(all.find(secret) == std::string::npos);
  }
}

TEST_CASE("DICOM table: the same files give the same pseudonyms and others do not") {
  const TemporaryFolder folder;
  for (int i = 0; i < 4; ++i)
    write_bytes(folder / fmt::format("{}.dcm", i), dicom_image_of(patient_number(i), i, true).file());
  const DicomTable table(folder.path(), {"0.dcm", "1.dcm", "2.dcm"}, 1);
  const DicomTable again(folder.path(), {"2.dcm", "0.dcm", "1.dcm"}, 3),
      part(folder.path(), {"0.dcm", "1.dcm"}, 1), another(folder.path(), {"0.dcm", "1.dcm", "3.dcm"}, 1);
  CHECK(table.find("0.dcm")->patient == again.find("0.dcm")->patient);
  CHECK(table.find("2.dcm")->site == again.find("2.dcm")->site);
  // The key is a hash of all that identifies the files: nobody who lacks one of them has it.
  CHECK(table.find("0.dcm")->patient != part.find("0.dcm")->patient);
  CHECK(table.find("0.dcm")->patient != another.find("0.dcm")->patient);
}

TEST_CASE("DICOM table: placeholders are no patients") {
  const TemporaryFolder folder;
  std::vector<std::string> paths;
  const auto add = [&](const std::string& identifier, const std::string& name) {
    DicomPatient patient;
    patient.identifier = identifier;
    patient.name = name;
    paths.push_back(fmt::format("{:02}.dcm", paths.size()));
    write_bytes(folder / paths.back(), dicom_image_of(patient, static_cast<int>(paths.size()), true).file());
  };
  for (const char* identifier : {"ANONYMOUS", "000000", "De-identified", "x", ""})
    add(identifier, "Anonymized");
  add("ANON", "Zwetschgenthal^Apollonia");  // then the name counts
  add("", "\xE5\xB1\xB1^\xE7\x94\xB0");     // letters beyond ASCII are a name
  DicomTable table(folder.path(), paths, 1);
  for (std::size_t i = 0; i < 5; ++i) CHECK(table.files()[i].second.patient.empty());
  CHECK(table.files()[5].second.patient.size() == 16);
  CHECK(table.files()[6].second.patient.size() == 16);
  CHECK(find_notice(table.notices(), notice_id::dicom_patients_unusable) == nullptr);

  // One identifier for everybody, which no list of words knows.
  for (int i = 0; i < 20; ++i) add("STUDY-7", "");
  table = DicomTable(folder.path(), paths, 2);
  CHECK(table.files().back().second.patient.empty());
  CHECK(table.files()[5].second.patient.size() == 16);
  REQUIRE(find_notice(table.notices(), notice_id::dicom_patients_unusable));
  CHECK(find_notice(table.notices(), notice_id::dicom_patients_unusable)->count == 20);
  CHECK_THAT(find_notice(table.notices(), notice_id::dicom_tags_read)->text,
             contains("27 DICOM files: 2 patients (25 "));
}

TEST_CASE("DICOM table: paths that name the patient are told") {
  const TemporaryFolder folder;
  write_bytes(folder / "Apollonia_1.dcm", dicom_image_of({}, 1, true).file());
  write_bytes(folder / "2.dcm", dicom_image_of({}, 2, true).file());
  DicomPatient short_name;
  short_name.name = "Kuhn^Bo";
  write_bytes(folder / "kuhn.dcm", dicom_image_of(short_name, 3, true).file());
  write_bytes(folder / "bo.dcm", dicom_image_of(short_name, 4, true).file());  // too short to say anything
  const std::vector<Notice> notices =
      DicomTable(folder.path(), {"2.dcm", "Apollonia_1.dcm", "kuhn.dcm", "bo.dcm"}, 1).notices();
  REQUIRE(find_notice(notices, notice_id::dicom_patients_in_paths));
  CHECK(find_notice(notices, notice_id::dicom_patients_in_paths)->count == 2);
  CHECK(find_notice(notices, notice_id::dicom_patients_in_paths)->importance == Importance::warning);
}

TEST_CASE("DICOM table: view positions by number, and a folder of reports alone") {
  const TemporaryFolder folder;
  DicomPatient ap;
  ap.view = "AP";
  for (int i = 0; i < 3; ++i)
    write_bytes(folder / fmt::format("{}.dcm", i),
                dicom_image_of(i == 0 ? ap : DicomPatient(), i, true).file());
  const DicomTable table(folder.path(), {"0.dcm", "1.dcm", "2.dcm"}, 1);
  CHECK_THAT(find_notice(table.notices(), notice_id::dicom_tags_read)->text, contains("PA 2, AP 1"));
  write_bytes(folder / "r.dcm", dicom_report_of({}, 9).file());
  REQUIRE(read_dicom_table(folder.path(), {"r.dcm"}) != nullptr);
  CHECK(read_dicom_table(folder.path(), {"r.dcm"})->without_picture().size() == 1);
  CHECK(read_dicom_table(folder.path(), {}) == nullptr);
}

TEST_CASE("DICOM table: the description of the pixels is found behind large elements") {
  const TemporaryFolder folder;
  const std::string large(100000, 'x');
  const std::vector<std::byte> file =
      dicom_image_of({}, 1, true)
          .raw(0x00191010, DicomWriter::word(0x19) + DicomWriter::word(0x1010) + "OB" + DicomWriter::word(0) +
                               DicomWriter::long_word(large.size()) + large)
          .file();
  write_bytes(folder / "1.dcm", file);
  CHECK(DicomTable(folder.path(), {"1.dcm"}, 1).files().size() == 1);
  try {
    (void)read_dicom_head(std::span(file).first(20000), false);
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == error_code::image_truncated);
  }
}

TEST_CASE("a folder of DICOM files is split by patient and its reports are passed over") {
  const TemporaryFolder folder;
  make_folder(folder.path(), 12);
  write_bytes(folder / "a/report.dcm", dicom_report_of(patient_number(1), 5000).file());
  SplitSettings settings;
  settings.test_fraction = 0.25;
  const Dataset dataset = read_image_folder(folder.path(), settings);
  CHECK(dataset.group_origin == "DICOM tags");
  CHECK(dataset.train.size() + dataset.validation.size() + dataset.test.size() == 48);
  std::set<std::string> train, test;
  for (const Sample& sample : dataset.train) train.insert(sample.group);
  for (const Sample& sample : dataset.test) test.insert(sample.group);
  CHECK(test.size() * 2 == dataset.test.size());
  for (const std::string& patient : test) CHECK(!train.contains(patient));
  REQUIRE(dataset.skipped.size() == 1);
  CHECK(dataset.skipped[0].path == "a/report.dcm");
  CHECK(dataset.skipped[0].kind == SkipKind::no_picture);
  CHECK(find_notice(dataset.notices, notice_id::dicom_tags_read));

  const Dataset evaluation = read_evaluation_folder(folder.path(), {"a", "b"});
  CHECK(evaluation.group_origin == "DICOM tags");
  CHECK(evaluation.test.size() == 48);
  CHECK(evaluation.skipped.size() == 1);

  const FoundImages found = find_images(folder.path());
  CHECK(found.images.size() == 48);
  REQUIRE(found.skipped.size() == 1);
  CHECK(find_notice(found.notices, notice_id::dicom_without_picture));

  // A table goes before the tags.
  std::string table = "file,patient\n";
  for (int i = 0; i < 24; ++i) table += fmt::format("a/{:02}.dcm,p{}\nb/{:02}.dcm,q{}\n", i, i, i, i);
  write_bytes(folder / "sources.csv", bytes_of(table));
  CHECK(read_image_folder(folder.path(), settings).group_origin == "sources.csv");
}
