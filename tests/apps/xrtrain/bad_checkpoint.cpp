// Checkpoints that are damaged or lie.
#include <cstring>
#include <limits>

#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

namespace {

class Checkpoints {
 public:
  Checkpoints() {
    make_phantoms(folder);
    REQUIRE(run(folder, tiny(folder, "run", {"--epochs", "1", "--schedule", "constant"})).status == 0);
    good = read_text(folder / "run/checkpoints/00.safetensors");
    REQUIRE(predict(good).status == 0);
  }

  Result predict(const std::string& bytes) {
    write_text(folder / "changed.safetensors", bytes);
    return run(folder,
               {"predict", (folder / "changed.safetensors").string(), (folder / "data/test").string()});
  }

  /// The header, and the file with another header.
  [[nodiscard]] std::string header() const { return good.substr(8, length()); }
  [[nodiscard]] std::string with_header(const std::string& text) const {
    const std::uint64_t size = text.size();
    std::string prefix(8, '\0');
    std::memcpy(prefix.data(), &size, 8);
    return prefix + text + good.substr(8 + length());
  }
  /// With the first occurrence of a part of the header replaced.
  [[nodiscard]] std::string replaced(const std::string& from, const std::string& to) const {
    std::string text = header();
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return with_header(text.replace(at, from.size(), to));
  }

  std::string refused(const std::string& bytes) {
    const Result result = predict(bytes);
    CHECK(result.status == 3);
    CHECK(result.output.empty());
    std::string line = result.error_line();
    CHECK_THAT(line, contains("changed.safetensors"));
    return line;
  }

  TemporaryFolder folder;
  std::string good;

 private:
  [[nodiscard]] std::uint64_t length() const {
    std::uint64_t value = 0;
    std::memcpy(&value, good.data(), 8);
    return value;
  }
};

}  // namespace

TEST_CASE("A damaged checkpoint is refused") {
  Checkpoints files;
  const std::string& good = files.good;
  CHECK_THAT(files.refused(good.substr(0, good.size() / 2)), contains("truncated"));
  CHECK_THAT(files.refused(good.substr(0, 5)), contains("5 bytes"));
  files.refused("");
  files.refused("not a checkpoint at all");
  CHECK_THAT(files.refused(std::string("\xff\xff\xff\xff\xff\xff\xff\x7f", 8) + good.substr(8)),
             contains("header"));
  CHECK_THAT(files.refused(files.with_header("{not json")), contains("JSON"));
  CHECK_THAT(files.refused(files.replaced("\"F32\"", "\"F99\"")), contains("type"));
  files.refused(files.replaced("\"data_offsets\":[0,", "\"data_offsets\":[4,"));
  files.refused(files.replaced("\"shape\":[", "\"shape\":[2,"));
  files.refused(files.replaced("fc1.bias", "fc9.bias"));
}

TEST_CASE("A checkpoint whose metadata lie is refused") {
  Checkpoints files;
  files.refused(files.replaced("report_cnn", "vgg_cnn"));
  CHECK_THAT(files.refused(files.replaced("report_cnn", "xray_resnet")), contains("does not fit"));
  files.refused(files.replaced("\"image_size\":\"16\"", "\"image_size\":\"4000\""));
  files.refused(files.replaced("\"image_size\":\"16\"", "\"image_size\":\"24\""));
  files.refused(files.replaced("\"image_size\":\"16\"", "\"image_size\":\"-1\""));
  files.refused(files.replaced("\"channels\":\"1\"", "\"channels\":\"7\""));
  files.refused(files.replaced("\"padding\":\"2\"", "\"padding\":\"x\""));
  files.refused(files.replaced("\"dropout\":\"0.2\"", "\"dropout\":\"2\""));
  CHECK_THAT(files.refused(files.replaced("\"class_names\"", "\"klass_names\"")),
             contains("not a checkpoint of this program") && contains("train --init"));
  files.refused(files.replaced("[\\\"covid\\\",\\\"normal\\\"]", "[\\\"covid\\\"]"));
  files.refused(files.replaced("[\\\"covid\\\",\\\"normal\\\"]", "[1,2]"));
  files.refused(files.replaced("\"deviation\":\"[", "\"deviation\":\"[0,"));
  files.refused(files.replaced("\"stored_size\":\"16\"", "\"stored_size\":\"999999\""));
  files.refused(files.replaced("\"stored_shape\":\"square\"", "\"stored_shape\":\"round\""));
  CHECK_THAT(files.refused(files.replaced("bilinear, antialiased", "bicubic")), contains("'bicubic'"));
  files.refused(files.replaced("\"padding\":\"2\"", "\"trained\":\"tail\",\"padding\":\"2\""));
}

TEST_CASE("A checkpoint that names no interpolation is read as bilinear") {
  Checkpoints files;
  const std::string older = files.replaced("\"interpolation\":\"bilinear, antialiased\",", "");
  CHECK(files.predict(older).output == files.predict(files.good).output);
  CHECK(files.predict(older).status == 0);
}

TEST_CASE("Weights that are not finite are refused by name in every command") {
  Checkpoints files;
  const fs::path checkpoint = files.folder / "run/checkpoints/00.safetensors",
                 state = files.folder / "run/resume.safetensors";
  const auto spoil = [](const fs::path& path) {
    std::string bytes = read_text(path);
    const float nan = std::numeric_limits<float>::quiet_NaN();
    std::memcpy(bytes.data() + bytes.size() - sizeof nan, &nan, sizeof nan);  // of the last tensor
    write_text(path, bytes);
  };
  const auto refused = [&](const Arguments& arguments) {
    const Result result = run(files.folder, arguments);
    CHECK(result.status == 3);
    CHECK_THAT(result.error_line(), contains(" is NaN") && contains(" of "));
    return result.error_line();
  };
  const std::string run_folder = (files.folder / "run").string();
  spoil(state);
  CHECK_THAT(refused({"train", "--out", run_folder, "--resume", "--epochs", "2"}),
             contains("resume.safetensors"));
  spoil(checkpoint);
  CHECK_THAT(refused({"eval", run_folder}), contains("00.safetensors"));
  CHECK_THAT(refused({"predict", checkpoint.string(), (files.folder / "data/test").string()}),
             contains("00.safetensors"));
}

TEST_CASE("A run whose files were damaged is not resumed") {
  Checkpoints files;
  const fs::path run_folder = files.folder / "run";
  const auto resume = [&] { return run(files.folder, {"train", "--out", run_folder.string(), "--resume"}); };
  SECTION("state") {
    fs::resize_file(run_folder / "resume.safetensors", 100);
  }
  SECTION("checkpoint") {
    fs::resize_file(run_folder / "checkpoints/00.safetensors", 100);
  }
  SECTION("checkpoint gone") {
    fs::remove(run_folder / "checkpoints/00.safetensors");
  }
  SECTION("state of another network") {
    Arguments other = tiny(files.folder, "other", {"--epochs", "1"});
    replace_value(other, "--model", "xray_resnet");
    REQUIRE(run(files.folder, other).status == 0);
    fs::copy_file(files.folder / "other/resume.safetensors", run_folder / "resume.safetensors",
                  fs::copy_options::overwrite_existing);
  }
  const auto before = results_of(run_folder);
  const Result result = resume();
  CHECK(result.status == 3);
  CHECK_THAT(result.error_line(), contains("safetensors"));
  CHECK(results_of(run_folder) == before);
}

}  // namespace xr::apps::test
