#include "data/archive/npy.h"

#include "tests/data/archive/archive_writer.h"

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;

namespace {

NpyHeader header_of(const std::string& file) {
  const TemporaryFolder folder;
  write_text(folder / "a.npz", zip({{"a.npy", file}}));
  const engine::ZipFile archive(folder / "a.npz");
  return read_npy_header(*archive.open(archive.members()[0]), "a");
}

std::string refused(const std::string& file) {
  return error_of([&] { (void)header_of(file); });
}

}  // namespace

TEST_CASE("headers of arrays are read, whatever the order and spelling of their keys") {
  const NpyHeader images = header_of(npy("|u1", "(2, 3, 4)", std::string(24, 'x')));
  CHECK(images.type == "|u1");
  CHECK(images.shape == std::vector<std::uint64_t>{2, 3, 4});
  CHECK(images.bytes() == 24);
  CHECK(images.describe() == "uint8 (2, 3, 4)");
  CHECK(header_of(npy("<i8", "(3,)", std::string(24, 'x'))).describe() == "int64 (3)");
  CHECK(header_of(npy("<f4", "()", "abcd")).shape.empty());
  CHECK(header_of(npy("|b1", "(0, 5)", "")).bytes() == 0);
  std::string second("\x93NUMPY\x02\x00", 8);
  const std::string dictionary = "{\"shape\":(1,),\"fortran_order\":False,\"descr\":\"<u2\"}   \n";
  engine::test::append_number(second, dictionary.size(), 4);
  CHECK(header_of(second + dictionary + "ab").type == "<u2");
}

TEST_CASE("other files and other arrays are refused by what they are") {
  CHECK_THAT(refused("no array, but long enough to be one"), contains("not a .npy array"));
  CHECK_THAT(refused("short"), contains("not a .npy array"));
  CHECK_THAT(refused(npy("|u1", "(2, 3)", "x")), contains("1 bytes follow"));
  CHECK_THAT(refused(npy("|u1", "(2, 3)", std::string(7, 'x'))), contains("7 bytes follow"));
  CHECK_THAT(refused(npy("|u1", "(18446744073709551615, 18446744073709551615)", "x")),
             contains("bytes follow"));
  CHECK_THAT(refused(npy("|u1", "(2, 3)", "abcdef", "True")), contains("Fortran"));
  CHECK_THAT(refused(npy("|O", "(2,)", "ab")), contains("'|O'"));
  CHECK_THAT(refused(npy(">i4", "(1,)", "abcd")), contains("big-endian"));
  CHECK_THAT(refused(npy("<U3", "(1,)", "abcd")), contains("'<U3'"));
  CHECK_THAT(refused(npy("|u1", "(1, -1)", "a")), contains("damaged"));
  CHECK_THAT(refused(npy("|u1", "(1,", "a")), contains("damaged"));
  std::string records = npy("|u1", "(1,)", "a");
  records.replace(records.find("'|u1'"), 5, "[('a'");
  CHECK_THAT(refused(records), contains("records"));
  std::string version = npy("|u1", "(1,)", "a");
  version[6] = 9;
  CHECK_THAT(refused(version), contains("version 9"));
  std::string length = npy("|u1", "(1,)", "a");
  length[9] = '\x70';
  CHECK_THAT(refused(length), contains("header has"));
}
