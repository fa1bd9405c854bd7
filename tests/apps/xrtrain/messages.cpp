// What the program says where people do the obvious thing, and what it must not print.
#include <fmt/core.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/apps/xrtrain/support.h"
#include "tests/engine/io/zip_writer.h"

namespace xr::apps::test {

namespace {

/// Of the events of a command with --json.
std::size_t count_warnings(const std::string& output, const std::string& id) {
  std::istringstream lines(output);
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line);)
    if (const auto event = nlohmann::json::parse(line, nullptr, false);
        event.is_object() && event.value("id", "") == id)
      ++count;
  return count;
}

bool has_controls(const std::string& text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte < 0x20 && byte != '\n') || byte == 0x7F) return true;
    if (byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("predict takes the chosen checkpoint of a run") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny(folder, "run")).status == 0);
  const std::string images = (folder / "data/test").string();
  const auto metrics = nlohmann::json::parse(read_text(folder / "run/metrics.json"));
  const std::string chosen = metrics["chosen"]["checkpoint"];
  const auto predict = [&](const fs::path& checkpoint) {
    return run(folder, {"predict", checkpoint.string(), images, "--csv", "--threads", "2"});
  };
  const Result by_file = predict(folder / "run/checkpoints" / (chosen + ".safetensors"));
  REQUIRE(by_file.status == 0);
  CHECK(by_file.error.empty());
  for (const char* given : {"run", "run/", "run/checkpoints"}) {
    CAPTURE(given);
    const Result by_run = predict(folder / given);
    CHECK(by_run.status == 0);
    CHECK(by_run.output == by_file.output);
    CHECK_THAT(by_run.error, contains("note: checkpoint " + chosen + " of "));
  }
  // Another than the last, and one that is gone.
  auto other = metrics;
  other["chosen"]["checkpoint"] = "00";
  write_text(folder / "run/metrics.json", other.dump());
  CHECK(predict(folder / "run").output == predict(folder / "run/checkpoints/00.safetensors").output);
  fs::remove(folder / "run/checkpoints/00.safetensors");
  const Result gone = predict(folder / "run");
  CHECK(gone.status == 3);
  CHECK_THAT(gone.error_line(), contains("00"));
  fs::remove(folder / "run/metrics.json");
  CHECK(predict(folder / "run").status == 0);  // the last
  const Result no_run = predict(folder / "data");
  CHECK(no_run.status == 3);
  CHECK_THAT(no_run.error_line(), contains(".safetensors"));
  fs::create_directory(folder / "cv");
  write_text(folder / "cv/cv.toml", "");
  CHECK_THAT(predict(folder / "cv").error_line(), contains("cross-validation"));
}

TEST_CASE("predict refuses a data set with the command for it") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny(folder, "run", {"--epochs", "1"})).status == 0);
  write_text(folder / "set.npz", engine::test::zip({{"train_images.npy", "x"}}));
  const Result result = run(folder, {"predict", (folder / "run").string(), (folder / "set.npz").string()});
  CHECK(result.status == 3);
  CHECK_THAT(result.error, contains("xrtrain eval RUN --data"));
}

TEST_CASE("Resuming without a run says so") {
  TemporaryFolder folder;
  make_phantoms(folder);
  const Result without_data = run(folder, {"train", "--out", (folder / "none").string(), "--resume"});
  CHECK(without_data.status == 2);
  CHECK_THAT(without_data.error_line(), contains("to resume") && contains("--data"));
  CHECK_FALSE(fs::exists(folder / "none"));
  const Result begun = run(folder, tiny(folder, "none", {"--resume", "--epochs", "1", "--json"}));
  CHECK(begun.status == 0);
  CHECK(count_warnings(begun.output, "nothing-to-resume") == 1);
  const Result again = run(folder, tiny(folder, "none", {"--resume", "--epochs", "1", "--json"}));
  CHECK(again.status == 0);
  CHECK(count_warnings(again.output, "nothing-to-resume") == 0);
}

TEST_CASE("No name is printed with its control characters") {
  TemporaryFolder folder;
  make_phantoms(folder);
  const std::string name =
      "e\x1b[31m\xc2\x9b"
      "1m\r\x07x";
  for (const char* split : {"train", "test"})
    fs::rename(folder / "data" / split / "covid", folder / "data" / split / name);
  write_text(folder / "data/train" / name / (name + ".png"), "no image");
  const std::string out = "run" + name;
  const auto clean = [&](const Arguments& arguments) {
    const Result result = run(folder, arguments);
    CAPTURE(arguments[0], result.output, result.error);
    CHECK_FALSE(has_controls(result.output));
    CHECK_FALSE(has_controls(result.error));
    return result.status;
  };
  CHECK(clean(tiny(folder, out, {"--epochs", "1"})) == 0);
  CHECK(clean({"eval", (folder / out).string()}) == 0);
  CHECK(clean({"compare", (folder / out).string(), (folder / out).string()}) == 0);
  CHECK(clean({"predict", (folder / out).string(), (folder / "data/test").string(), (folder / name).string(),
               "--explain", (folder / ("maps" + name)).string()}) == 3);
  CHECK(clean({"predict", (folder / out).string(), (folder / "data/test").string(), "--json"}) == 0);
  CHECK(clean({"audit", (folder / "data").string(), "--out", (folder / ("audit" + name)).string()}) == 0);
  CHECK(clean({"train", "--data", (folder / name).string(), "--out", (folder / "other").string()}) == 3);
  CHECK(clean({"predict", (folder / name).string(), "x.png"}) == 3);
  CHECK(clean({name}) == 2);
  CHECK(clean({"audit", (folder / "data").string(), "--json"}) == 0);
  CHECK(clean({"compare", (folder / out).string(), (folder / out).string(), "--json"}) == 0);
}

TEST_CASE("A warning that says the same is printed once") {
  TemporaryFolder folder;
  make_phantoms(folder);
  write_text(folder / "file", "in the way of the cache");
  RunSettings settings;
  settings.environment["XRTRAIN_CACHE"] = (folder / "file/cache").string();
  const Result result = run(folder, tiny(folder, "run", {"--epochs", "1", "--json"}), settings);
  CHECK(result.status == 0);
  CHECK(count_warnings(result.output, "cache-not-written") == 1);
}

TEST_CASE("The warning about unbalanced classes advises what is not in use") {
  TemporaryFolder folder;
  make_phantoms(folder, 16);
  for (int i = 2; i < 16; ++i) fs::remove(folder / "data/train/covid" / fmt::format("{:03}.png", i));
  const auto text = [&](const char* weights) {
    const Result result =
        run(folder, tiny(folder, weights,
                         {"--epochs", "1", "--json", "--val-fraction", "0", "--class-weights", weights}));
    CHECK(result.status == 0);
    CHECK(count_warnings(result.output, "unbalanced-classes") == 1);
    return result.error;
  };
  CHECK_THAT(text("none"), contains("; --class-weights auto"));
  CHECK_THAT(text("auto"), !contains("; --class-weights auto"));
}

#if !defined(XR_SANITIZED)  // a sanitizer wants to be loaded first
TEST_CASE("Without locks two runs in a folder are not kept apart, and that is said") {
  TemporaryFolder folder;
  make_phantoms(folder);
  RunSettings settings;
  settings.environment = {{"LD_PRELOAD", XR_FILE_FAULT}, {"XR_NO_LOCKS", "1"}};
  const Arguments arguments = tiny(folder, "run", {"--epochs", "1", "--json"});
  const Result result = run(folder, arguments, settings);
  CHECK(result.status == 0);
  CHECK(count_warnings(result.output, "folder-not-locked") == 1);
  const Result locked = run(folder, tiny(folder, "other", {"--epochs", "1", "--json"}));
  CHECK(count_warnings(locked.output, "folder-not-locked") == 0);
}

#endif

TEST_CASE("A table of labels that names no image shows a name of both") {
  TemporaryFolder folder;
  make_phantoms(folder);
  write_text(folder / "labels.csv", "file,label\nimg_000.png,a\nimg_001.png,b\n");
  const Result result = run(folder, tiny(folder, "run", {"--labels", (folder / "labels.csv").string()}));
  CHECK(result.status == 3);
  CHECK_THAT(result.error_line(),
             contains("none of the 16 images") && contains("img_000.png") && contains("train/covid/000.png"));
}

}  // namespace xr::apps::test
