// What audit and train say of images that hold nothing or were stored otherwise than the rest.
#include <fmt/core.h>

#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "data/image/image.h"
#include "kernels/common/random.h"
#include "tests/apps/xrtrain/support.h"
#include "tests/data/png_writer.h"

namespace xr::apps::test {

namespace {

void write_file(const fs::path& path, const std::vector<std::byte>& bytes) {
  write_text(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

/// Grey and alpha: a picture in `grey`, or in alpha alone.
std::vector<std::byte> with_alpha(const data::Image& grey, bool in_alpha) {
  std::vector<std::uint8_t> samples;
  for (const std::uint8_t pixel : grey.pixels)
    samples.insert(samples.end(), {in_alpha ? std::uint8_t{0} : pixel, in_alpha ? pixel : std::uint8_t{200}});
  return data::test::png_of(grey.width, grey.height, 2, samples);
}

}  // namespace

TEST_CASE("audit and train find blank transparent inverted and mixed images") {
  TemporaryFolder folder;
  const fs::path data = make_phantoms(folder, 14, 4);
  const data::Image one = data::read_image(data / "train/covid/003.png", 1);
  data::Image negative = data::read_image(data / "train/normal/005.png", 1);
  for (std::uint8_t& pixel : negative.pixels) pixel = static_cast<std::uint8_t>(255 - pixel);
  data::write_png(data / "train/normal/005.png", negative);
  for (const char* path : {"train/covid/blank.png", "train/normal/blank.png"})
    data::write_png(data / path, {64, 64, 1, std::vector<std::uint8_t>(64 * 64, 0)});
  write_file(data / "train/covid/003.png", with_alpha(one, false));
  write_file(data / "train/covid/006.png",
             with_alpha(data::read_image(data / "train/covid/006.png", 1), true));
  std::string deep = "P5 64 64 65535\n";
  for (const std::uint8_t pixel : data::read_image(data / "test/covid/001.png", 1).pixels) {
    const int sample = pixel * 16;
    deep += {static_cast<char>(sample >> 8), static_cast<char>(sample & 255)};
  }
  write_text(data / "train/covid/deep.pgm", deep);

  REQUIRE(run(folder, {"audit", data.string(), "--out", (folder / "audit").string()}).status == 0);
  const auto audit = nlohmann::json::parse(read_text(folder / "audit/audit.json"));
  const std::map<std::string, std::string> wanted = {{"blank", "blank-images"},
                                                     {"transparency", "picture-in-alpha"},
                                                     {"polarity", "inverted-images"},
                                                     {"depths", "mixed-depths"}};
  for (const auto& [name, id] : wanted) {
    INFO(name);
    CHECK(audit[name]["id"] == id);
    CHECK(audit[name]["details"].size() >= 2);  // with what to do
  }
  CHECK(audit["blank"]["images"] == nlohmann::json({"train/covid/blank.png", "train/normal/blank.png"}));
  CHECK(audit["polarity"]["inverted"] == nlohmann::json({"train/normal/005.png"}));
  CHECK(audit["labels"]["count"] == 0);

  for (const char* out : {"first", "from-cache"}) {
    const Result trained = run(folder, tiny(folder, out, {"--epochs", "1", "--val-fraction", "0"}));
    REQUIRE(trained.status == 0);
    const auto findings = nlohmann::json::parse(read_text(folder / out / "findings.json"));
    for (const auto& [name, id] : wanted) {
      INFO(out << " " << name);
      REQUIRE(findings.contains(name));
      CHECK(findings[name]["id"] == id);
      CHECK(findings[name]["text"] == audit[name]["text"]);
    }
    CHECK_FALSE(findings.contains("labels"));
  }
}

TEST_CASE("cv and audit scale a set of 12-bit images by one depth") {
  TemporaryFolder folder;
  // The first image is there again at a quarter of its brightness: scaled for itself it would be the same. Of so many
  // images one is no depth of the set (below 5 %).
  for (int i = 0; i < 46; ++i) {
    std::string file = "P5 32 32 65535\n";
    Philox random(i == 25 ? 0 : static_cast<std::uint64_t>(i), 5);
    std::array<bool, 64> white{};  // of 8 x 8 blocks
    for (bool& block : white) block = random.below(2) == 1;
    for (std::size_t pixel = 0; pixel < 32 * 32; ++pixel) {
      const bool bright = white[pixel / 128 * 8 + pixel % 32 / 4];
      const int sample = !bright ? 0 : i == 25 ? 1023 : 4095;
      file += {static_cast<char>(sample >> 8), static_cast<char>(sample & 255)};
    }
    write_text(folder / fmt::format("data/{}/{:02}.pgm", i % 2 == 0 ? "covid" : "normal", i), file);
  }
  Arguments cv = tiny(folder, "cv", {"--epochs", "1"});
  cv.front() = "cv";
  for (const char* word : {"--folds", "2", "--jobs", "1", "--fold-all"}) cv.emplace_back(word);
  REQUIRE(run(folder, cv).status == 0);
  REQUIRE(run(folder, {"audit", (folder / "data").string(), "--out", (folder / "audit").string()}).status ==
          0);
  const auto found = nlohmann::json::parse(read_text(folder / "cv/findings.json"));
  const auto audit = nlohmann::json::parse(read_text(folder / "audit/audit.json"));
  CHECK(audit["depths"]["id"] == "same-depths");
  CHECK(audit["duplicates"]["exact"] == 0);
  CHECK(audit["duplicates"]["near"] >= 1);
  INFO(found.dump());
  REQUIRE(found.contains("duplicates"));
  CHECK(found["duplicates"]["pairs"] == audit["duplicates"]["pairs"]);
}

}  // namespace xr::apps::test
