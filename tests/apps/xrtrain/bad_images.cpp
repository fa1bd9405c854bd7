// What the program does about bad images and folders: one clear line, exit status 3, nothing left behind.
#include <fcntl.h>
#include <sys/stat.h>

#include "data/image/stb.h"
#include "tests/apps/xrtrain/support.h"

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

void append_u32(std::string& text, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift & 0xFF);
}

// A PNG chunk with its checksum (ISO 15948, annex D).
std::string png_chunk(const std::string& type, const std::string& data) {
  const std::string body = type + data;
  std::uint32_t checksum = 0xFFFFFFFFu;
  for (const char c : body) {
    checksum ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) checksum = checksum >> 1 ^ (checksum & 1 ? 0xEDB88320u : 0);
  }
  std::string chunk;
  append_u32(chunk, static_cast<std::uint32_t>(data.size()));
  chunk += body;
  append_u32(chunk, ~checksum);
  return chunk;
}

std::string png_that_claims(std::uint32_t width, std::uint32_t height) {
  std::string header;
  append_u32(header, width);
  append_u32(header, height);
  header += std::string("\x08\0\0\0\0", 5);  // 8 bits, grey
  return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", header) + png_chunk("IDAT", "xxxx") + png_chunk("IEND", "");
}

std::string make_jpeg() {
  std::vector<unsigned char> pixels(64 * 64);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<unsigned char>(i * i % 251);
  std::string bytes;
  const auto append = [](void* to, void* data, int size) {
    static_cast<std::string*>(to)->append(static_cast<char*>(data), static_cast<std::size_t>(size));
  };
  REQUIRE(stbi_write_jpg_to_func(append, &bytes, 64, 64, 1, pixels.data(), 90) != 0);
  return bytes;
}

// The images that are left are trained on; the file is named.
std::string left_out(const TemporaryFolder& folder, const std::string& file) {
  const Result strict = run(folder, tiny(folder, "strict", {"--strict"}));
  CHECK(strict.status == 3);
  CHECK_THAT(strict.error_line(), contains(file));
  CHECK(!fs::exists(folder / "strict"));
  const Result result = run(folder, tiny(folder, "run", {"--epochs", "1"}));
  CHECK(result.status == 0);
  CHECK_THAT(result.error, contains(file));
  const Result json = run(folder, tiny(folder, "json", {"--epochs", "1", "--json"}));
  CHECK_THAT(json.output, contains(R"({"event":"warning","id":"file-skipped",)") && contains(file));
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

TEST_CASE("Images that cannot be decoded are named and skipped") {
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
  SECTION("a PNG that claims 60000 x 60000") {
    write_text(bad, png_that_claims(60000, 60000));
  }
  SECTION("a truncated JPEG") {
    const std::string jpeg = make_jpeg();
    write_text(folder / "data/train/a/whole.jpg", jpeg);
    write_text(bad, jpeg.substr(0, jpeg.size() / 2));
  }
  left_out(folder, "bad.png");
}

TEST_CASE("A file that may not be read is named and skipped") {
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
  CHECK_THAT(result.error, contains("skipped 1 file") && contains("3.png"));
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
