// Planted shortcuts are found, and none where none was planted.
#include "apps/audit/shortcuts.h"

#include <nlohmann/json.hpp>

#include "apps/audit/audit.h"
#include "data/phantom/phantom.h"
#include "tests/data/support.h"

namespace xr::audit {

namespace {

Audit audit_phantoms(const data::test::TemporaryFolder& folder, data::PhantomShortcut shortcut) {
  data::PhantomSettings settings;
  settings.size = 64;
  settings.train_covid = settings.train_normal = 90;
  settings.test_covid = settings.test_normal = 35;
  settings.shortcut = shortcut;
  settings.workers = 2;
  data::write_phantom_dataset(folder / "set", settings);
  AuditSettings of_audit;
  of_audit.workers = 2;
  return audit_folder(folder / "set", of_audit, [](const char*, std::size_t, std::size_t) {});
}

const ShortcutResult& result_of(const Audit& audit, View view) {
  for (const ShortcutResult& result : audit.shortcuts.results)
    if (result.view == view) return result;
  throw std::runtime_error("no such result");
}

const Check& check_of(const Audit& audit, std::string_view name) {
  for (const Check& check : audit.checks)
    if (check.name == name) return check;
  throw std::runtime_error("no such check");
}

}  // namespace

TEST_CASE("few images without a finding are no reassurance") {
  const data::test::TemporaryFolder folder;
  data::PhantomSettings settings;
  settings.size = 64;
  settings.train_covid = settings.train_normal = 10;
  settings.test_covid = settings.test_normal = 4;
  data::write_phantom_dataset(folder / "set", settings);
  const auto check = [&] {
    return check_of(audit_folder(folder / "set", {}, [](const char*, std::size_t, std::size_t) {}),
                    "shortcuts");
  };
  CHECK(check().verdict == Verdict::warning);
  CHECK(check().id == FindingId::shortcuts_undecided);
  CHECK(check().figures["groups"] == 28);
  for (int i = 0; i < 7; ++i)
    std::filesystem::remove(folder / "set" / ("train/covid/00" + std::to_string(i) + ".png"));
  CHECK(check().verdict == Verdict::warning);
  CHECK(check().id == FindingId::shortcuts_not_measured);
}

TEST_CASE("no shortcut is found in a clean phantom set") {
  const data::test::TemporaryFolder folder;
  const Audit audit = audit_phantoms(folder, data::PhantomShortcut::none);
  CHECK(check_of(audit, "shortcuts").verdict == Verdict::ok);
  CHECK(check_of(audit, "shortcuts").id == FindingId::no_shortcut);
  CHECK(result_of(audit, View::file).auc == 0.5);
  CHECK(audit.shortcuts.results.size() == 5);
  CHECK(audit.shortcuts.images == 250);
  CHECK(check_of(audit, "duplicates").verdict == Verdict::ok);
}

TEST_CASE("a planted marker in the corner is found at the border") {
  const data::test::TemporaryFolder folder;
  const Audit audit = audit_phantoms(folder, data::PhantomShortcut::corner_marker);
  CHECK(result_of(audit, View::ring).verdict == Verdict::serious);
  CHECK(result_of(audit, View::border).verdict == Verdict::serious);
  CHECK(result_of(audit, View::file).verdict == Verdict::ok);
  CHECK(check_of(audit, "shortcuts").id == FindingId::shortcut);
}

TEST_CASE("a planted brighter border is found") {
  const data::test::TemporaryFolder folder;
  const Audit audit = audit_phantoms(folder, data::PhantomShortcut::border_brightness);
  CHECK(result_of(audit, View::ring).verdict == Verdict::serious);
  REQUIRE(result_of(audit, View::ring).interval);
  CHECK(result_of(audit, View::ring).interval->low > 0.7);
  CHECK(result_of(audit, View::file).verdict == Verdict::ok);
}

TEST_CASE("a planted file format is found without a pixel") {
  const data::test::TemporaryFolder folder;
  const Audit audit = audit_phantoms(folder, data::PhantomShortcut::format);
  CHECK(result_of(audit, View::file).verdict == Verdict::serious);
  CHECK(result_of(audit, View::ring).verdict == Verdict::ok);
  CHECK(check_of(audit, "shortcuts").id == FindingId::shortcut);
  for (const std::string& line : check_of(audit, "shortcuts").details)
    CHECK(line.find("--control") == std::string::npos);
}

TEST_CASE("the views show the classifier what they say") {
  ImageFacts image;
  image.format = "png";
  image.width = image.height = 100;
  image.channels = 1;
  image.bits = 8;
  for (int y = 0; y < thumbnail_side; ++y)
    for (int x = 0; x < thumbnail_side; ++x)
      image.print.thumbnail[static_cast<std::size_t>(y) * thumbnail_side + x] =
          x >= 8 && y >= 8 && x < 56 && y < 56 ? 200 : 10;
  const std::vector<const ImageFacts*> images = {&image};
  const auto greatest = [&](View view) {
    const FeatureTable table = make_features(images, view);
    return *std::max_element(table.values.begin(), table.values.end());
  };
  CHECK(make_features(images, View::ring).features == 32 * 32 - 24 * 24);
  CHECK(make_features(images, View::border).features == 32 * 32 - 20 * 20);
  CHECK(make_features(images, View::whole).features == 32 * 32);
  CHECK(make_features(images, View::histogram).features == histogram_bins);
  CHECK(greatest(View::ring) == 10);
  CHECK(greatest(View::border) == 200);
  CHECK(greatest(View::whole) == 200);
}

}  // namespace xr::audit
