#include "engine/io/zip.h"

#include "tests/data/reference_archives.h"
#include "tests/engine/io/zip_writer.h"
#include "tests/engine/support.h"

using namespace xr;
using namespace xr::engine;
using namespace xr::engine::test;
using Catch::Matchers::Contains;
using data::test::bzip2_archive;
using data::test::numpy_deflated;
using data::test::numpy_stored;

namespace {

template <std::size_t Count>
void write_array(const fs::path& path, const unsigned char (&bytes)[Count]) {
  write_file(path, {reinterpret_cast<const char*>(bytes), Count});
}

/// All bytes of a member.
std::string read_member(const ZipFile& file, const std::string& name) {
  const ZipMember* member = file.find(name);
  REQUIRE(member != nullptr);
  std::string text(member->size, ' ');
  file.open(*member)->read(std::as_writable_bytes(std::span(text)));
  return text;
}

/// Opens an archive of these bytes and reads all members; the error.
std::string refused(const fs::path& path, const std::string& text) {
  write_file(path, text);
  return error_of([&] {
    const ZipFile file(path);
    for (const ZipMember& member : file.members()) (void)read_member(file, member.name);
  });
}

}  // namespace

TEST_CASE("archives that NumPy wrote are read, stored and deflated") {
  const TemporaryFolder folder;
  write_array(folder / "stored.npz", numpy_stored);
  write_array(folder / "deflated.npz", numpy_deflated);
  const ZipFile stored(folder / "stored.npz"), deflated(folder / "deflated.npz");
  REQUIRE(stored.members().size() == 4);
  REQUIRE(deflated.members().size() == 4);
  CHECK(stored.members()[0].method == 0);
  CHECK(deflated.members()[0].method == 8);
  if (!can_inflate()) {
    CHECK_THAT(error_of([&] { (void)read_member(deflated, "train_images.npy"); }), Contains("zlib1g-dev"));
    return;
  }
  for (const ZipMember& member : stored.members()) {
    CAPTURE(member.name);
    const std::string bytes = read_member(stored, member.name);
    CHECK(bytes == read_member(deflated, member.name));
    CHECK(bytes.starts_with("\x93NUMPY"));
  }
  CHECK(stored.find("no.npy") == nullptr);
  CHECK(is_zip(folder / "stored.npz"));
}

TEST_CASE("members are read in pieces, and no further than their end") {
  const TemporaryFolder folder;
  write_file(folder / "a.zip", zip({{"one", "abcdefgh"}, {"empty", ""}}));
  const ZipFile file(folder / "a.zip");
  const auto reader = file.open(*file.find("one"));
  std::string first(3, ' '), rest(5, ' '), more(1, ' ');
  reader->read(std::as_writable_bytes(std::span(first)));
  CHECK(reader->left() == 5);
  reader->read(std::as_writable_bytes(std::span(rest)));
  CHECK(first + rest == "abcdefgh");
  CHECK_THAT(error_of([&] { reader->read(std::as_writable_bytes(std::span(more))); }),
             Contains("ends too early"));
  CHECK(read_member(file, "empty").empty());
}

TEST_CASE("large archives' fields and a comment at the end are understood") {
  const TemporaryFolder folder;
  write_file(folder / "large.zip", zip({{"a", "first"}, {"b", "second"}}, true));
  const ZipFile large(folder / "large.zip");
  CHECK(read_member(large, "a") == "first");
  CHECK(read_member(large, "b") == "second");
  std::string text = zip({{"a", "first"}});
  text[text.size() - 2] = 5;
  write_file(folder / "comment.zip", text + "PK\5\6!");
  CHECK(read_member(ZipFile(folder / "comment.zip"), "a") == "first");
}

TEST_CASE("damaged and foreign archives are refused by what is wrong") {
  const TemporaryFolder folder;
  const fs::path path = folder / "x.zip";
  const std::string good = zip({{"a", "some bytes"}, {"b", "others"}});
  CHECK_THAT(refused(path, "not an archive at all, but long enough"), Contains("not a zip archive"));
  CHECK_THAT(refused(path, "short"), Contains("not a zip archive"));
  CHECK_THAT(refused(path, good.substr(0, good.size() - 30)), Contains("not a zip archive"));
  std::string changed = good;
  changed[good.find("some")] = 'S';
  CHECK_THAT(refused(path, changed), Contains("checksum"));
  changed = good;
  changed[good.find("PK\1\2")] = 'X';
  CHECK_THAT(refused(path, changed), Contains("directory"));
  changed = good;
  changed[good.find("PK\1\2") + 8] = 1;
  CHECK_THAT(refused(path, changed), Contains("encrypted"));
  changed = good;
  changed[good.find("PK\1\2") + 44] = 1;  // the local header's offset
  CHECK(!refused(path, changed).empty());
  changed = good;
  changed[good.find("PK\1\2") + 24] = 99;  // the size
  CHECK_THAT(refused(path, changed), Contains("damaged"));
  write_array(path, bzip2_archive);
  const ZipFile bzip2(path);
  CHECK_THAT(error_of([&] { (void)bzip2.open(bzip2.members()[0]); }), Contains("method 12"));
  fs::create_directory(folder / "folder");
  CHECK_THAT(error_of([&] { const ZipFile file(folder / "folder"); }), Contains("not a regular file"));
  CHECK_THAT(error_of([&] { const ZipFile file(folder / "none"); }), Contains("cannot open"));
  CHECK(!is_zip(folder / "none"));
}

TEST_CASE("a message shortens a member's long name and escapes its control characters") {
  const TemporaryFolder folder;
  std::string archive = zip({{"line\n" + std::string(3000, 'n'), "content"}});
  archive.replace(archive.find("content"), 7, "CONTENT");
  const std::string message = refused(folder / "x.zip", archive);
  CHECK_THAT(message, Contains("line\\nnnn") && Contains("checksum"));
  CHECK(message.size() < 500);
}

TEST_CASE("deflated members that are damaged are refused") {
  if (!can_inflate()) return;
  const TemporaryFolder folder;
  std::string good(reinterpret_cast<const char*>(numpy_deflated), sizeof numpy_deflated);
  const ZipFile whole([&] {
    write_file(folder / "good.npz", good);
    return folder / "good.npz";
  }());
  const ZipMember& member = whole.members()[0];
  // Every byte of the packed data, changed: an error or, by chance, the same bytes; never others.
  const std::string bytes = read_member(whole, member.name);
  const std::size_t data = member.header_offset + 30 + member.name.size() + 20;  // NumPy's ZIP64 field
  for (std::size_t i = 0; i < member.compressed; ++i) {
    std::string bad = good;
    bad[data + i] = static_cast<char>(bad[data + i] ^ 0x55);
    write_file(folder / "bad.npz", bad);
    std::string read, error;
    try {
      read = read_member(ZipFile(folder / "bad.npz"), member.name);
    } catch (const Error& failure) {
      error = failure.what();
    }
    CHECK((read == bytes || error.find("damaged") != std::string::npos));
  }
}
