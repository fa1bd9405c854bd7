// What the program does about bad images and folders: one clear line, exit status 3, nothing left behind.
#include <fcntl.h>
#include <sys/stat.h>

#include "tests/apps/support.h"

namespace xr::apps::test {

namespace {

// Two classes of eight and four images of noise.
void make_set(const fs::path& data) {
  for (int i = 0; i < 8; ++i)
    for (const char* name : {"a", "b"}) {
      make_png(data / "train" / name / (std::to_string(i) + ".png"), i + 1);
      if (i < 4) make_png(data / "test" / name / (std::to_string(i) + ".png"), i + 20);
    }
}

std::string refused(const TemporaryFolder& folder) {
  const Result result = run(folder, tiny(folder, "run"));
  CHECK(result.status == 3);
  CHECK(!fs::exists(folder / "run"));
  return result.error_line();
}

// The images that are left are trained on; the file is named.
std::string left_out(const TemporaryFolder& folder, const std::string& file) {
  const Result strict = run(folder, tiny(folder, "strict", {"--strict"}));
  CHECK(strict.status == 3);
  CHECK_THAT(strict.error_line(), contains(file));
  CHECK(!fs::exists(folder / "strict"));
  const Result result = run(folder, tiny(folder, "run", {"--epochs", "1"}));
  CHECK(result.status == 0);
  CHECK_THAT(result.error, contains("xrtrain: warning: left out") && contains(file));
  return result.error;
}

}  // namespace

TEST_CASE("Folders that hold no set of images are refused") {
  TemporaryFolder folder;
  SECTION("no such folder") {
    CHECK_THAT(refused(folder), contains((folder / "data").string()));
  }
  SECTION("empty folder") {
    fs::create_directories(folder / "data");
    CHECK_THAT(refused(folder), contains("no class folders"));
  }
  SECTION("a file") {
    write_text(folder / "data", "text");
    CHECK_THAT(refused(folder), contains((folder / "data").string()));
  }
  SECTION("one class") {
    make_set(folder / "data");
    fs::remove_all(folder / "data/train/b");
    fs::remove_all(folder / "data/test/b");
    CHECK_THAT(refused(folder), contains("only one class"));
  }
  SECTION("a class without test images") {
    make_set(folder / "data");
    fs::remove_all(folder / "data/test/b");
    CHECK_THAT(refused(folder), contains("'b'") && contains("test"));
  }
  SECTION("all images of a class are damaged") {
    make_set(folder / "data");
    for (int i = 0; i < 8; ++i)
      write_text(folder / "data/train/a" / (std::to_string(i) + ".png"), "no image");
    CHECK_THAT(refused(folder), contains("'a'") && contains("empty"));
  }
}

TEST_CASE("Images that cannot be decoded are named and left out") {
  TemporaryFolder folder;
  make_set(folder / "data");
  const fs::path bad = folder / "data/train/a/bad.png";
  SECTION("a text file") {
    write_text(bad, "This is a text, not an image.");
  }
  SECTION("a file of no bytes") {
    write_text(bad, "");
  }
  SECTION("a truncated PNG") {
    make_png(bad, 5, 40);
    fs::resize_file(bad, fs::file_size(bad) / 2);
  }
  SECTION("one pixel") {
    make_png(bad, 5, 1);
  }
  left_out(folder, "bad.png");
}

TEST_CASE("A file that may not be read is named and left out") {
  TemporaryFolder folder;
  make_set(folder / "data");
  fs::permissions(folder.path(), fs::perms::all);
  fs::permissions(folder / "data/train/a/3.png", fs::perms::none);
  RunSettings settings;
  settings.as_nobody = true;
  const Result result = run(folder, tiny(folder, "run", {"--epochs", "1"}), settings);
  if (result.status == 98) {
    WARN("not tested: another user cannot run the program here");
    return;
  }
  CHECK(result.status == 0);
  CHECK_THAT(result.error, contains("left out") && contains("3.png"));
}

TEST_CASE("A loop of links does not matter") {
  TemporaryFolder folder;
  make_set(folder / "data");
  fs::create_directory_symlink("..", folder / "data/train/a/loop");
  const Result result = run(folder, tiny(folder, "run", {"--epochs", "1"}));
  CHECK(result.status == 0);
}

TEST_CASE("A named pipe among the images does not block") {
  TemporaryFolder folder;
  make_set(folder / "data");
  REQUIRE(::mkfifo((folder / "data/train/a/pipe.png").c_str(), 0600) == 0);
  CHECK(run(folder, tiny(folder, "run", {"--epochs", "1"})).status == 0);
}

}  // namespace xr::apps::test
