// A folder of DICOM files is trained on, evaluated, predicted and audited like any other, and names nobody.
#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "tests/apps/xrtrain/support.h"
#include "tests/data/dicom_patients.h"

namespace xr::apps::test {

namespace {

using data::test::DicomPatient;

constexpr int images_of_class = 24;

void write_dicom(const fs::path& path, const data::test::DicomWriter& writer) {
  const std::vector<std::byte> file = writer.file();
  write_text(path, {reinterpret_cast<const char*>(file.data()), file.size()});
}

/// Two classes with two images of each patient, from two hospitals, with a report among them.
fs::path make_dicom_folder(const fs::path& folder, int first) {
  for (int c = 0; c < 2; ++c)
    for (int i = 0; i < images_of_class; ++i) {
      DicomPatient patient;
      patient.identifier += fmt::format("{}-{}", c, (first + i) / 2);
      patient.name += fmt::format("{}{}", c, (first + i) / 2);
      if (i % 4 < 2) patient.institution = "Wunderlich Clinic";
      patient.view = i % 3 == 0 ? "AP" : "PA";
      data::test::DicomWriter writer = data::test::dicom_image_of(patient, 10000 * c + first + i, c == 0);
      writer.text(0x00281050, "DS", "2048\\1000").text(0x00281051, "DS", "4096\\500");
      // Some have no extension, as archives leave them.
      const std::string name = i % 5 == 0 ? fmt::format("IM{:03}", i) : fmt::format("{:03}.dcm", i);
      write_dicom(folder / (c == 0 ? "covid" : "normal") / name, writer);
    }
  write_dicom(folder / "covid/report.dcm", data::test::dicom_report_of({}, 99));
  return folder;
}

nlohmann::json parsed_file(const fs::path& path) {
  return nlohmann::json::parse(read_text(path));
}

/// The values of a column of the report's groups of test images.
std::set<std::string> groups_of(const nlohmann::json& metrics, const std::string& column) {
  std::set<std::string> values;
  for (const nlohmann::json& table : metrics["chosen"]["subgroups"]["tables"])
    if (table["column"] == column)
      for (const nlohmann::json& group : table["groups"]) values.insert(group["value"].get<std::string>());
  return values;
}

void check_names_nobody(const fs::path& folder, const std::set<std::string>& without) {
  int files = 0;
  for (auto entry = fs::recursive_directory_iterator(folder); entry != fs::recursive_directory_iterator();
       ++entry) {
    if (entry->is_directory() && without.contains(entry->path().filename().string())) {
      entry.disable_recursion_pending();
      continue;
    }
    if (!entry->is_regular_file()) continue;
    ++files;
    std::string text = read_text(entry->path());
    std::ranges::transform(text, text.begin(),
                           [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
    for (const std::string& secret : data::test::dicom_secrets) {
      INFO(entry->path().string() << ": " << secret);
      CHECK(text.find(secret) == std::string::npos);
    }
  }
  CHECK(files > 20);
}

}  // namespace

TEST_CASE("A folder of DICOM files is trained on evaluated predicted and audited and names nobody") {
  TemporaryFolder folder;
  make_dicom_folder(folder / "data", 0);
  make_dicom_folder(folder / "other", 500);
  const std::string data = (folder / "data").string(), out = (folder / "run").string();
  const auto done = [&](const Arguments& arguments) {
    Result result = run(folder, arguments);
    CHECK(result.status == 0);
    return result;
  };

  // A report is no damaged image, not even with --strict.
  const Result trained = done(tiny(folder, "run", {"--strict", "--epochs", "2"}));
  CHECK_THAT(trained.output, contains("tags of 48 DICOM files: 24 patients, 2 sites"));
  CHECK_THAT(read_text(out + "/skipped.csv"), contains("covid/report.dcm,no-picture,"));
  const nlohmann::json provenance = parsed_file(out + "/provenance.json");
  CHECK(provenance["data"]["patients_from"] == "DICOM tags");
  CHECK(provenance["data"]["with_patient"] == 48);
  CHECK(provenance["data"]["shared_patients"] == 0);
  const nlohmann::json metrics = parsed_file(out + "/metrics.json");
  CHECK(metrics["chosen"]["subgroups"]["file"] == "DICOM tags");
  CHECK(groups_of(metrics, "view_position") == std::set<std::string>{"AP", "PA"});
  CHECK(groups_of(metrics, "site").size() == 2);
  CHECK(groups_of(metrics, "sex") == std::set<std::string>{"F", "M"});

  done({"eval", out});
  CHECK(parsed_file(out + "/metrics.json")["chosen"] == metrics["chosen"]);

  done({"audit", data, "--out", (folder / "audit").string(), "--workers", "2"});
  const nlohmann::json audit = parsed_file(folder / "audit/audit.json");
  CHECK(audit["images"] == 48);
  CHECK(audit["patients"]["patients"] == 24);
  CHECK(audit["patients"]["origin"] == "DICOM tags");
  CHECK(audit["files"]["unreadable"].empty());
  CHECK(audit["files"]["passed_over"].size() == 1);
  std::set<std::string> sites, seen;
  for (const nlohmann::json& row : audit["sources"]["table"]) sites.insert(row["source"].get<std::string>());
  CHECK(sites == groups_of(metrics, "site"));  // the same pseudonyms in training, evaluation and audit
  for (const nlohmann::json& one : audit["shortcuts"]["classifiers"])
    seen.insert(one["sees"].get<std::string>());
  CHECK(seen.contains("tags"));

  done({"eval", out, "--data", (folder / "other").string(), "--out", (folder / "elsewhere").string()});
  CHECK(groups_of(parsed_file(folder / "elsewhere/metrics.json"), "site").size() == 2);

  const std::string checkpoint = out + "/checkpoints/01.safetensors";
  const Result predicted =
      done({"predict", checkpoint, data, "--json", "--explain", (folder / "maps").string()});
  CHECK(std::count(predicted.output.begin(), predicted.output.end(), '\n') == 48);
  CHECK_THAT(predicted.output, contains("\"note_ids\":[\"window-chosen\"]"));
  CHECK_THAT(predicted.error, contains("48 files have a choice of windows"));
  const Result report = run(folder, {"predict", checkpoint, data + "/covid/report.dcm"});
  CHECK(report.status == 3);  // it was asked about
  CHECK_THAT(report.error_line(), contains("without pixels"));

  Arguments cv = tiny(folder, "cv", {"--epochs", "1"});
  cv.front() = "cv";
  for (const char* word : {"--folds", "2", "--jobs", "1", "--keep-runs"}) cv.emplace_back(word);
  done(cv);

  check_names_nobody(folder.path(), {"data", "other"});
}

}  // namespace xr::apps::test
