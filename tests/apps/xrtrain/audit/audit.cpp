// `xrtrain audit` as a program.
#include <fmt/core.h>

#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "data/image/image.h"
#include "data/phantom/phantom.h"
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

namespace {

nlohmann::json audit_of(const TemporaryFolder& folder, const fs::path& data, const Arguments& more = {}) {
  Arguments arguments = {"audit", data.string(), "--out", (folder / "audit").string(), "--workers", "2"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const Result result = run(folder, arguments);
  CHECK(result.status == 0);
  CHECK(result.error.empty());
  CHECK(read_text(folder / "audit/audit.html").starts_with("<!DOCTYPE html>"));
  return nlohmann::json::parse(read_text(folder / "audit/audit.json"));
}

fs::path real_images() {
  const char* given = std::getenv("XR_TEST_DATA");
  return given != nullptr ? fs::path(given) : fs::path(XR_SOURCE_FOLDER) / "../shared/data/chest-xray-345";
}

}  // namespace

TEST_CASE("train reports the duplicates that audit reports") {
  TemporaryFolder folder;
  const fs::path data = make_phantoms(folder, 12, 4);
  const data::Image image = data::read_image(data / "train/covid/003.png", 1);
  // Found in the whole image, and hard to see in one of 16 x 16 pixels: a frame, a trimmed side, a few levels.
  data::Image framed{image.width + 12, image.height + 12, 1, {}};
  framed.pixels.assign(static_cast<std::size_t>(framed.width) * framed.height, 0);
  for (int y = 0; y < image.height; ++y)
    std::copy_n(image.pixels.begin() + static_cast<std::ptrdiff_t>(y) * image.width, image.width,
                framed.pixels.begin() + static_cast<std::ptrdiff_t>(y + 6) * framed.width + 6);
  data::Image changed = data::read_image(data / "test/normal/001.png", 1);
  changed.pixels[0] ^= 1;
  data::write_png(data / "train/covid/framed.png", framed);
  data::write_png(data / "train/normal/changed.png", changed);
  data::write_png(data / "test/covid/same.png", image);
  const nlohmann::json audit = audit_of(folder, data);
  CHECK(audit["duplicates"]["exact"] == 1);
  CHECK(audit["duplicates"]["near"] >= 2);
  for (const char* augment : {"none", "report"}) {  // report keeps the short side of test images
    REQUIRE(
        run(folder, tiny(folder, augment,
                         {"--augment", augment, "--epochs", "1", "--val-fraction", "0", "--channels", "3"}))
            .status == 0);
    const auto findings = nlohmann::json::parse(read_text(folder / augment / "findings.json"));
    for (const char* key : {"exact", "near", "across_splits"}) {
      INFO(augment << " " << key);
      CHECK(findings["duplicates"][key] == audit["duplicates"][key]);
    }
    CHECK(findings["duplicates"]["pairs"] == audit["duplicates"]["pairs"]);
  }
}

TEST_CASE("audit writes what it finds and exits with 0 unless told otherwise") {
  TemporaryFolder folder;
  const fs::path data = make_phantoms(folder, 12, 4);
  nlohmann::json audit = audit_of(folder, data);
  CHECK(audit["schema"] == "xrtrain-audit");
  CHECK(audit["images"] == 32);
  CHECK(audit["classes"] == nlohmann::json({"covid", "normal"}));
  CHECK(audit["duplicates"]["pairs"].empty());
  for (const char* name :
       {"duplicates", "labels", "patients", "shortcuts", "sources", "balance", "sizes", "files"}) {
    INFO(name);
    REQUIRE(audit.contains(name));
    const std::string verdict = audit[name]["verdict"];
    CHECK((verdict == "ok" || verdict == "warning" || verdict == "serious"));
    CHECK(audit[name]["text"].get<std::string>().size() > 10);
    CHECK(audit[name]["id"].get<std::string>().size() > 5);
  }
  // A copy in another split, with another label, as another format.
  const data::Image image = data::read_image(data / "train/covid/003.png", 1);
  data::write_png(data / "test/normal/copy.png", image);
  const std::vector<std::byte> jpeg = data::encode_jpeg(image, 60);
  write_text(data / "train/covid/copy.jpg", {reinterpret_cast<const char*>(jpeg.data()), jpeg.size()});
  write_text(data / "train/covid/broken.png", "no image");
  write_text(data / "train/covid/notes.txt", "not even named like one");
  audit = audit_of(folder, data);
  CHECK(audit["verdict"] == "serious");
  const nlohmann::json& pairs = audit["duplicates"]["pairs"];
  REQUIRE(pairs.size() == 3);
  CHECK(pairs[0]["a"] == "test/normal/copy.png");
  CHECK(pairs[0]["b"] == "train/covid/003.png");
  CHECK(pairs[0]["kind"] == "exact");
  CHECK(pairs[0]["correlation"] == 1.0);
  CHECK(pairs[0]["across_splits"] == true);
  CHECK(pairs[1]["kind"] == "near");
  CHECK(pairs[1]["correlation"].get<double>() >= 0.985);
  CHECK(audit["labels"]["verdict"] == "serious");
  CHECK(audit["duplicates"]["id"] == "duplicates-across-splits");
  CHECK(audit["labels"]["id"] == "contradicting-labels");
  CHECK(audit["labels"]["count"] == 2);
  CHECK(audit["files"]["verdict"] == "warning");
  CHECK(audit["files"]["id"] == "unreadable-files");
  CHECK(audit["files"]["unreadable"][0]["file"] == "train/covid/broken.png");
  CHECK(audit["files"]["passed_over"][0]["file"] == "train/covid/notes.txt");
  CHECK(audit["sizes"]["small"] == 34);

  CHECK(run(folder, {"audit", data.string(), "--fail-on", "serious"}).status == 4);
  CHECK(run(folder, {"audit", data.string(), "--fail-on", "warning", "--quiet"}).status == 4);
  const Result json = run(folder, {"audit", data.string(), "--json"});
  CHECK(json.status == 0);
  CHECK(nlohmann::json::parse(json.output)["verdict"] == "serious");
}

TEST_CASE("audit tells patients in two splits however they are named") {
  TemporaryFolder folder;
  const fs::path data = make_phantoms(folder, 6, 3);
  CHECK(audit_of(folder, data)["patients"]["id"] == "patients-unknown");
  const std::string pattern = "([a-z]+/[0-9]+)";  // train/covid/000 and test/covid/000
  nlohmann::json audit = audit_of(folder, data, {"--group-regex", pattern});
  CHECK(audit["patients"]["verdict"] == "serious");
  CHECK(audit["patients"]["id"] == "patients-in-two-splits");
  CHECK(audit["patients"]["in_two_splits"] == 6);
  write_text(folder / "groups.csv", "file,patient\ntrain/covid/000.png,p\ntest/covid/001.png,p\n");
  audit = audit_of(folder, data, {"--groups", (folder / "groups.csv").string()});
  CHECK(audit["patients"]["in_two_splits"] == 1);
  CHECK(audit["patients"]["shared"][0]["images"].size() == 2);
  write_text(
      data / "sources.csv",
      "file,source,patient\ntrain/covid/000.png,a,1\ntest/covid/001.png,a,2\ntrain/normal/000.png,b,3\n");
  audit = audit_of(folder, data);
  CHECK(audit["patients"]["verdict"] == "warning");  // three of 18 images say nothing of the others
  CHECK(audit["patients"]["id"] == "patients-partly-known");
  CHECK(audit["patients"]["known_images"] == 3);
  CHECK(audit["sources"]["verdict"] == "warning");
  CHECK(audit["sources"]["table"].size() == 2);
  CHECK(audit["sources"]["unknown_images"] == 15);
  fs::rename(data / "train/covid/000.png", data / "train/covid/00000001_000.png");
  fs::rename(data / "test/covid/000.png", data / "test/covid/00000001_001.png");
  fs::remove(data / "sources.csv");
  audit = audit_of(folder, data);
  CHECK(audit["patients"]["in_two_splits"] == 1);
  CHECK(audit["patients"]["origin"] == "names of files and folders");
}

TEST_CASE("audit's last line counts the findings above it") {
  TemporaryFolder folder;
  const fs::path data = make_phantoms(folder, 6, 3);
  fs::copy_file(data / "train/covid/000.png", data / "test/normal/copy.png");  // a duplicate, two labels
  const Result result = run(folder, {"audit", data.string()});
  std::map<std::string, int> marks;
  std::istringstream lines(result.output);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("[")) ++marks[line.substr(1, line.find(']') - 1)];
  CHECK(marks["serious"] >= 2);
  CHECK(marks["warning"] >= 2);
  CHECK_THAT(result.output, contains(fmt::format("\nVerdict: serious ({} serious, {} warnings)\n",
                                                 marks["serious"], marks["warning"])));
}

TEST_CASE("audit names the path of the table that it did not find") {
  TemporaryFolder folder;
  const fs::path data = make_phantoms(folder, 4, 3);
  const nlohmann::json audit = audit_of(folder, data);
  for (const char* check : {"patients", "sources"})
    CHECK_THAT(audit[check]["text"].get<std::string>(),
               contains((data / "sources.csv").string() + " (columns"));
}

TEST_CASE("audit finds a source that has one class only") {
  TemporaryFolder folder;
  const fs::path data = make_phantoms(folder, 12, 3);
  std::string table = "file,source\n";
  for (int i = 0; i < 12; ++i)
    for (const char* name : {"covid", "normal"})
      table +=
          fmt::format("train/{0}/{1:03}.png,{2}\n", name, i, i == 0 ? "both" : std::string("of ") + name);
  write_text(data / "sources.csv", table);
  const nlohmann::json audit = audit_of(folder, data);
  CHECK(audit["sources"]["verdict"] == "serious");
  CHECK(audit["sources"]["table"][0]["one_class"] == false);
  CHECK(audit["sources"]["table"][1]["classes"]["covid"] == 11);
}

TEST_CASE("audit tells which lines of the table of sources fit no image") {
  TemporaryFolder folder;
  const fs::path data = make_phantoms(folder, 12, 3);
  write_text(data / "sources.csv", "file;source\ntrain\\covid\\000.png;a\n000.png;b\n");
  nlohmann::json sources = audit_of(folder, data)["sources"];
  CHECK(sources["verdict"] == "warning");
  CHECK(sources["unknown_images"] == 26);  // the bare name is that of three others
  CHECK(sources["lines_without_image"] == 0);
  write_text(data / "sources.csv", "file;source\ntrain\\covid\\000.png;a\nx/000.png;b\n");
  sources = audit_of(folder, data)["sources"];
  CHECK(sources["unknown_images"] == 29);
  CHECK(sources["lines_without_image"] == 1);
  CHECK_THAT(sources["details"].back().get<std::string>(),
             contains("1 of 2 lines") && contains("'x/000.png'"));
  write_text(data / "sources.csv", "name|source\nx|a\n");
  sources = audit_of(folder, data)["sources"];
  CHECK(sources["verdict"] == "warning");
  CHECK(sources["id"] == "sources-without-column");
  write_text(folder / "groups.csv", "file,patient,source\n000.png,1,a\n001.png,2,b\nnope.png,3,b\n");
  const nlohmann::json audit = audit_of(folder, data, {"--groups", (folder / "groups.csv").string()});
  CHECK(audit["sources"]["unknown_images"] == 22);
  CHECK_THAT(audit["warnings"].back().get<std::string>(),
             contains("8 of 30 images") && contains("the first names 'nope.png'"));
  CHECK_THAT(run(folder, {"audit", data.string(), "--group-regex", "patient([0-9]+)"}).output,
             contains("the pattern patient([0-9]+) matches the path of no image"));
}

TEST_CASE("audit refuses what it cannot use in one line") {
  TemporaryFolder folder;
  const fs::path data = make_phantoms(folder, 2, 1);
  const auto refused = [&](const Arguments& arguments, int status) {
    const Result result = run(folder, arguments);
    CHECK(result.status == status);
    return result.error_line();
  };
  CHECK_THAT(refused({"audit", (folder / "absent").string()}, 3), contains("no such file or folder"));
  CHECK_THAT(refused({"audit", data.string(), "--group-regex", "(["}, 2),
             contains("not a regular expression"));
  CHECK_THAT(refused({"audit", data.string(), "--groups", (folder / "no.csv").string()}, 3),
             contains("no.csv"));
  CHECK_THAT(refused({"audit", data.string(), "--fail-on", "all"}, 2), contains("--fail-on"));
  CHECK_THAT(refused({"audit", data.string(), "--json", "--quiet"}, 2), contains("exclude each other"));
  CHECK_THAT(refused({"audit", data.string(), "--out", (data / "train/covid").string()}, 2),
             contains("lies in the folder of images"));
  write_text(folder / "file", "");
  CHECK_THAT(refused({"audit", data.string(), "--out", (folder / "file").string()}, 1), contains("--out"));
}

TEST_CASE("the audit of real chest X-rays finds what is known of them") {
  if (!fs::exists(real_images())) {
    WARN("not tested: no images in " << real_images().string() << " (XR_TEST_DATA names another folder)");
    return;
  }
  TemporaryFolder folder;
  const nlohmann::json audit = audit_of(folder, real_images());
  CHECK(audit["images"] == 345);
  // Several collections show the same pictures in other crops; none is a trimmed copy. One is mirrored, with
  // its side marker drawn again.
  std::size_t mirrored = 0;
  CHECK(audit["duplicates"]["exact"] == 0);
  for (const nlohmann::json& pair : audit["duplicates"]["pairs"]) {
    if (pair["turn"] == "mirrored")
      ++mirrored;
    else
      CHECK(pair["correlation"].get<double>() <= 0.985);
    CHECK(pair["aligned_correlation"].get<double>() >= 0.985);
    CHECK(pair["across_classes"] == false);
  }
  CHECK(mirrored == 1);
  CHECK(audit["duplicates"]["across_splits"] == 3);
  CHECK(audit["shortcuts"]["verdict"] == "serious");
  for (const nlohmann::json& classifier : audit["shortcuts"]["classifiers"])
    if (classifier["sees"] == "ring") {
      CHECK(classifier["auc"].get<double>() >= 0.80);
      CHECK(classifier["auc"].get<double>() <= 0.90);
    }
  CHECK(audit["sources"]["verdict"] == "serious");
  CHECK(audit["sources"]["id"] == "source-of-one-class");
  CHECK(audit["sources"]["table"].size() == 4);
  CHECK(audit["patients"]["verdict"] == "ok");
}

}  // namespace xr::apps::test
