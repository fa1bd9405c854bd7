// `xrtrain predict`.
#include <fmt/core.h>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include "data/image/image.h"

#include "tests/apps/xrtrain/support.h"
#include "tests/data/dicom_patients.h"
#include "tests/data/png_writer.h"

namespace xr::apps::test {

namespace {

struct Trained {
  Trained() {
    make_phantoms(folder);
    REQUIRE(run(folder, tiny(folder, "run")).status == 0);
    // Needs the file alone.
    fs::rename(folder / "run/checkpoints/02.safetensors", folder / "model.safetensors");
    fs::remove_all(folder / "run");
  }
  Result predict(const Arguments& more) const {
    Arguments arguments = {"predict", (folder / "model.safetensors").string(), "--threads", "2"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(folder, arguments);
  }
  TemporaryFolder folder;
};

int count_lines(const std::string& text) {
  return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

TEST_CASE("predict prints a table or CSV or JSON") {
  Trained trained;
  const std::string image = (trained.folder / "data/test/covid/0000.png").string();
  const std::string test = (trained.folder / "data/test").string();
  const std::string first = (*fs::directory_iterator(trained.folder / "data/test/covid")).path().string();

  const Result table = trained.predict({test});
  CHECK(table.status == 0);
  CHECK(count_lines(table.output) == 1 + 4 + 1);
  CHECK_THAT(table.output, contains("p(covid)") && contains("p(normal)"));

  const Result csv = trained.predict({test, "--csv"});
  CHECK(csv.status == 0);
  CHECK(csv.output.starts_with("file,class,p(covid),p(normal)\n"));

  const Result json = trained.predict({first, first, "--json"});
  CHECK(json.status == 0);
  CHECK(count_lines(json.output) == 2);
  std::istringstream lines(json.output);
  for (std::string line; std::getline(lines, line);) {
    const auto row = nlohmann::json::parse(line);
    CHECK(row["file"] == first);
    const double covid = row["probabilities"]["covid"], normal = row["probabilities"]["normal"];
    CHECK(std::abs(covid + normal - 1.0) <= 1e-9);
    CHECK(row["class"] == (covid >= normal ? "covid" : "normal"));
  }
  CHECK(trained.predict({first, "--csv", "--json"}).status == 2);
}

TEST_CASE("predict does not depend on the batch size") {
  Trained trained;
  const std::string data = (trained.folder / "data").string();
  const Result one = trained.predict({data, "--csv", "--batch-size", "1"});
  const Result five = trained.predict({data, "--csv", "--batch-size", "5"});
  CHECK(one.status == 0);
  CHECK(count_lines(one.output) == 1 + 16);
  CHECK(count_lines(five.output) == 1 + 16);
}

TEST_CASE("predict goes on after images that it cannot read") {
  Trained trained;
  const fs::path bad = trained.folder / "data/test/covid/bad.png";
  write_text(bad, "no image");
  const Result result = trained.predict(
      {(trained.folder / "data/test").string(), (trained.folder / "absent.png").string(), "--csv"});
  CHECK(result.status == 3);
  CHECK(count_lines(result.output) == 1 + 4);
  CHECK(count_lines(result.error) == 2);
  CHECK_THAT(result.error, contains("bad.png") && contains("absent.png"));
}

TEST_CASE("predict refuses an image that holds nothing") {
  Trained trained;
  const fs::path blank = trained.folder / "blank.png";
  data::write_png(blank, {32, 32, 1, std::vector<std::uint8_t>(32 * 32, 100)});
  const Result result = trained.predict({blank.string(), "--csv"});
  CHECK(result.status == 3);
  CHECK_THAT(result.error_line(), contains("blank.png") && contains("one grey level"));
  CHECK(result.output == "file,class,p(covid),p(normal)\n");
  CHECK(trained.predict({blank.string()}).output.empty());  // no table of nothing
}

TEST_CASE("predict says what it chose or dropped of a file") {
  Trained trained;
  const fs::path folder = trained.folder / "odd";
  const auto write = [&](const char* name, const std::vector<std::byte>& file) {
    write_text(folder / name, {reinterpret_cast<const char*>(file.data()), file.size()});
  };
  data::test::DicomWriter frames = data::test::dicom_of({}, 1),
                          windows = data::test::dicom_image_of({}, 2, true);
  frames.image(16, 16, 8, std::string(100, '\7') + std::string(3 * 256 - 100, '\60'))
      .text(0x00280008, "IS", "3");
  windows.text(0x00281050, "DS", "2048\\1000").text(0x00281051, "DS", "4096\\500");
  write("frames.dcm", frames.file());
  write("windows.dcm", windows.file());
  std::vector<std::uint8_t> samples;
  for (int i = 0; i < 16 * 16; ++i)
    samples.insert(samples.end(), {static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i / 2)});
  write("glass.png", data::test::png_of(16, 16, 2, samples));
  make_png(folder / "plain.png");

  const Result json = trained.predict({folder.string(), "--json"});
  CHECK(json.status == 0);
  std::map<std::string, nlohmann::json> ids;
  std::istringstream lines(json.output);
  for (std::string line; std::getline(lines, line);) {
    const auto row = nlohmann::json::parse(line);
    ids[fs::path(row["file"].get<std::string>()).filename()] =
        row.contains("note_ids") ? row["note_ids"] : nlohmann::json::array();
  }
  CHECK(ids["frames.dcm"] == nlohmann::json({"several-frames"}));
  CHECK(ids["windows.dcm"] == nlohmann::json({"window-chosen"}));
  CHECK(ids["glass.png"] == nlohmann::json({"transparency-dropped"}));
  CHECK(ids["plain.png"].empty());
  const Result table = trained.predict({folder.string()});
  CHECK(count_lines(table.output) == 1 + 4 + 1);
  CHECK(count_lines(table.error) == 3);
  for (const char* name : {"frames.dcm", "windows.dcm", "glass.png"}) CHECK_THAT(table.error, contains(name));
}

TEST_CASE("a set of 12-bit images in 16 bits is scaled alike in training and in predictions") {
  TemporaryFolder folder;
  for (int i = 0; i < 24; ++i) {
    std::string file = "P5 32 32 65535\n";
    for (int pixel = 0; pixel < 32 * 32; ++pixel) {
      const int sample = (pixel * (i % 5 + 5) + (i % 2 == 0 ? 0 : 37 * (pixel % 32))) % 4096;
      file += {static_cast<char>(sample >> 8), static_cast<char>(sample & 255)};
    }
    const fs::path place = folder / fmt::format("data/{}", i % 2 == 0 ? "covid" : "normal");
    fs::create_directories(place);
    write_text(place / fmt::format("{}.pgm", i), file);
  }
  const std::string out = (folder / "run").string();
  const Result trained = run(folder, {"train", "--data", (folder / "data").string(), "--out", out, "--epochs",
                                      "1", "--image-size", "32", "--batch-size", "4"});
  CHECK(trained.status == 0);
  CHECK_THAT(trained.output, contains("12 bits in use"));
  CHECK_THAT(read_text(out + "/checkpoints/00.safetensors"), contains("\"sample_depths\":\"12\""));
  CHECK(run(folder, {"predict", out + "/checkpoints/00.safetensors", (folder / "data/covid").string()})
            .status == 0);
}

TEST_CASE("predict says what is wrong with the checkpoint") {
  Trained trained;
  const Result absent =
      run(trained.folder, {"predict", "absent.safetensors", (trained.folder / "data/test").string()});
  CHECK(absent.status == 3);
  CHECK_THAT(absent.error_line(), contains("absent.safetensors"));
  const Result folder = run(
      trained.folder, {"predict", trained.folder.path().string(), (trained.folder / "data/test").string()});
  CHECK(folder.status == 3);
  CHECK_THAT(folder.error_line(), contains(".safetensors"));
}

}  // namespace xr::apps::test
