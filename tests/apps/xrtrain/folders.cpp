// Folders as people have them, from the command line: what is used, skipped and told.
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

namespace {

/// `count` images in each of these folders of `data`.
void make_images(const fs::path& data, const Arguments& folders, int count) {
  std::uint64_t seed = 1;
  for (const std::string& folder : folders)
    for (int i = 0; i < count; ++i) make_png(data / folder / (std::to_string(i) + ".png"), ++seed, 32);
}

Result train_one(const TemporaryFolder& folder, const std::string& out, const Arguments& more = {}) {
  Arguments arguments = {"--epochs", "1", "--json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run(folder, tiny(folder, out, arguments));
}

std::size_t times(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("Masks beside the images are not trained on") {
  TemporaryFolder folder;
  make_images(folder / "data", {"COVID/images", "COVID/masks", "Normal/images", "Normal/masks"}, 10);
  const Result result = train_one(folder, "run");
  CHECK(result.status == 0);
  CHECK_THAT(result.output, contains(R"("event":"note","id":"role-folders-skipped")"));
  CHECK(times(read_text(folder / "run/skipped.csv"), ",role,") == 20);
  CHECK_THAT(read_text(folder / "run/predictions.csv"), !contains("masks"));
  const Result all = train_one(folder, "all", {"--skip-folders", "none"});
  CHECK_THAT(all.output, contains(R"("event":"warning","id":"equal-file-names")"));
  CHECK(!fs::exists(folder / "all/skipped.csv"));
  CHECK_THAT(run(folder, tiny(folder, "x", {"--skip-folders", "a,,b"})).error_line(),
             contains("--skip-folders"));
}

TEST_CASE("Every command reads the splits under their usual names, in an outer folder") {
  TemporaryFolder folder;
  make_images(folder / "data/set", {"Training/a", "Training/b", "Testing/a", "Testing/b"}, 6);
  make_png(folder / "data/set/__MACOSX/x.png");
  const Result result = train_one(folder, "run");
  CHECK(result.status == 0);
  CHECK_THAT(result.output, contains(R"("id":"outer-folder")") && contains(R"("id":"split-names")") &&
                                contains(R"("id":"leftovers-ignored")"));
  CHECK_THAT(read_text(folder / "run/predictions.csv"), contains("set/Testing/a/0.png"));
  const Result eval =
      run(folder, {"eval", (folder / "run").string(), "--data", (folder / "data").string(), "--json"});
  CHECK(eval.status == 0);
  CHECK_THAT(eval.output, contains(R"("images":12)") && contains(R"("id":"split-names")"));
  const Result audit = run(folder, {"audit", (folder / "data").string(), "--json"});
  CHECK_THAT(audit.output, contains(R"("splits":["train","test"])") && contains(R"("id":"outer-folder")"));
}

TEST_CASE("A run inside the folder of images is refused") {
  TemporaryFolder folder;
  make_images(folder / "data", {"a", "b"}, 6);
  for (const char* command : {"train", "cv"}) {
    const Result result =
        run(folder, {command, "--data", (folder / "data").string(), "--out", (folder / "data/run").string()});
    CHECK(result.status == 2);
    CHECK_THAT(result.error_line(), contains("lies in the folder of images"));
  }
  CHECK(!fs::exists(folder / "data/run"));
}

TEST_CASE("Many bad files are one line, and all of them stand in a file") {
  TemporaryFolder folder;
  make_images(folder / "data", {"train/a", "train/b", "test/a", "test/b"}, 12);
  for (int i = 0; i < 5; ++i)
    write_text(folder / "data/train/a" / ("x" + std::to_string(i) + ".dcm"), "no image");
  write_text(folder / "data/train/a/notes.txt", "text");
  const Result result = train_one(folder, "run");
  CHECK(result.status == 0);
  CHECK(times(result.output, R"("id":"file-skipped")") == 1);
  CHECK_THAT(result.output, contains("skipped 5 files") && contains("x0.dcm") && !contains("x4.dcm"));
  const std::string table = read_text(folder / "run/skipped.csv");
  CHECK(times(table, ",unreadable,") == 5);
  CHECK(times(table, ",not-an-image,") == 1);
}

TEST_CASE("A class that loses most of its files stops the run") {
  TemporaryFolder folder;
  make_images(folder / "data", {"train/a", "train/b", "test/a", "test/b"}, 12);
  for (int i = 0; i < 7; ++i) write_text(folder / "data/train/b" / (std::to_string(i) + ".png"), "no image");
  const Result result = run(folder, tiny(folder, "run", {"--val-fraction", "0"}));
  CHECK(result.status == 3);
  CHECK_THAT(result.error_line(), contains("'b'") && contains("7 of 12") && contains("xrtrain audit"));
  make_png(folder / "data/train/b/0.png", 77, 32);
  CHECK(run(folder, tiny(folder, "run", {"--val-fraction", "0", "--epochs", "1"})).status == 0);
}

TEST_CASE("A class that loses fewer than half of its files does not stop the run, however they are split") {
  TemporaryFolder folder;
  make_images(folder / "data", {"train/a", "train/b", "test/a", "test/b"}, 12);
  for (int i = 0; i < 5; ++i) write_text(folder / "data/train/b" / (std::to_string(i) + ".png"), "no image");
  for (const char* seed : {"5", "8"}) {  // of class b most validation images, or most training images
    CAPTURE(seed);
    const Result result = run(folder, tiny(folder, seed, {"--epochs", "1", "--seed", seed}));
    CHECK(result.status == 0);
    CHECK_THAT(result.error, contains("skipped 5 files that cannot be read"));
    CHECK(run(folder, {"eval", (folder / seed).string()}).status == 0);
  }
}

TEST_CASE("predict reads or reports every file of a folder that may be an image") {
  TemporaryFolder folder;
  make_images(folder / "data", {"train/a", "train/b", "test/a", "test/b"}, 6);
  REQUIRE(train_one(folder, "run").status == 0);
  const fs::path mixed = folder / "mixed";
  make_png(mixed / "plain.png", 1, 32);
  for (const char* name : {"renamed.jfif", "renamed.jpe", "scan"}) {
    make_png(mixed / "copy.png", 2, 32);
    fs::rename(mixed / "copy.png", mixed / name);
  }
  for (const char* name : {"a.webp", "b.tif", "c.dcm"}) write_text(mixed / name, "not what the name says");
  write_text(mixed / "notes.txt", "text");
  const std::string checkpoint = (folder / "run/checkpoints/00.safetensors").string();
  const Result result = run(folder, {"predict", checkpoint, mixed.string(), "--csv"});
  CHECK(result.status == 3);
  for (const char* name : {"plain.png", "renamed.jfif", "renamed.jpe", "mixed/scan"})
    CHECK_THAT(result.output, contains(name));
  for (const char* name : {"a.webp", "b.tif", "c.dcm", "notes.txt"}) {
    CHECK_THAT(result.error, contains(name));
    CHECK_THAT(result.output, !contains(name));
  }
  for (int i = 0; i < 20; ++i) write_text(mixed / ("bad" + std::to_string(i) + ".png"), "no image");
  const Result many = run(folder, {"predict", checkpoint, mixed.string(), "--json"});
  CHECK(times(many.output, R"("error":)") == 23);
  CHECK(times(many.error, "xrtrain: error:") == 11);
  const Result refused =
      run(folder, {"predict", checkpoint, mixed.string(), "--explain", (mixed / "maps").string()});
  CHECK(refused.status == 2);
  CHECK_THAT(refused.error_line(), contains("--explain"));
}

}  // namespace xr::apps::test
