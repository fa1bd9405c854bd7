// DICOM tags that tell the class are a shortcut, and institutions are sources.
#include <nlohmann/json.hpp>

#include "apps/audit/audit.h"
#include "tests/data/dicom_patients.h"

namespace xr::audit {

namespace {

/// 60 images of each class, each of another patient; `view_of` and `site_of` an image.
template <class View, class Site>
Audit audit_dicom(View&& view_of, Site&& site_of) {
  const data::test::TemporaryFolder folder;
  for (int c = 0; c < 2; ++c)
    for (int i = 0; i < 60; ++i) {
      data::test::DicomPatient patient;
      patient.identifier = fmt::format("ID{}{}", c, i);
      patient.view = view_of(c, i);
      patient.institution = site_of(c, i);
      data::test::write_bytes(folder / "set" / (c == 0 ? "covid" : "normal") / fmt::format("{:02}.dcm", i),
                              data::test::dicom_image_of(patient, 100 * c + i, i % 2 == 0).file());
    }
  AuditSettings settings;
  settings.workers = 2;
  return audit_folder(folder / "set", settings, [](const char*, std::size_t, std::size_t) {});
}

const Check& named_check(const Audit& audit, std::string_view name) {
  for (const Check& check : audit.checks)
    if (check.name == name) return check;
  throw std::runtime_error("no such check");
}

const ShortcutResult* tags_of(const Audit& audit) {
  for (const ShortcutResult& result : audit.shortcuts.results)
    if (result.view == View::tags) return &result;
  return nullptr;
}

}  // namespace

TEST_CASE("a view position that tells the class is a shortcut") {
  const Audit audit = audit_dicom([](int c, int i) { return (i % 10 == 0) != (c == 0) ? "AP" : "PA"; },
                                  [](int, int) { return "One Hospital"; });
  REQUIRE(tags_of(audit) != nullptr);
  CHECK(*tags_of(audit)->auc >= 0.8);
  CHECK(tags_of(audit)->verdict == Verdict::serious);
  CHECK(named_check(audit, "shortcuts").id == FindingId::shortcut);
  CHECK(named_check(audit, "patients").figures["origin"] == "DICOM tags");
  CHECK(named_check(audit, "patients").figures["patients"] == 120);
}

TEST_CASE("an institution of one class is a source of one class") {
  const Audit audit =
      audit_dicom([](int, int) { return "PA"; },
                  [](int c, int i) { return c == 0 || i < 10 ? "One Hospital" : "Another One"; });
  const Check& sources = named_check(audit, "sources");
  CHECK(sources.id == FindingId::source_of_one_class);
  CHECK(sources.verdict == Verdict::serious);
  REQUIRE(sources.figures["table"].size() == 2);
  for (const nlohmann::json& row : sources.figures["table"]) {
    CHECK_THAT(row["source"].get<std::string>(), Catch::Matchers::StartsWith("site "));
    CHECK(row["source"].get<std::string>().find("Hospital") == std::string::npos);
  }
}

TEST_CASE("tags that are alike in all images are no shortcut") {
  const Audit audit = audit_dicom([](int, int) { return "PA"; }, [](int, int) { return "One Hospital"; });
  CHECK(tags_of(audit) == nullptr);
  CHECK(named_check(audit, "sources").figures["table"].size() == 1);
}

}  // namespace xr::audit
