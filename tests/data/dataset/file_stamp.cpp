#include "data/dataset/file_stamp.h"

#include "tests/data/support.h"

#include <chrono>
#include <thread>

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;

TEST_CASE("a file's stamp tells one file and one state of it from another") {
  const TemporaryFolder folder;
  const fs::path path = folder / "a", other = folder / "b";
  write_bytes(path, bytes_of("12345"));
  const FileStamp first = stamp_of(path);
  CHECK(first.size == 5);
  CHECK(first == stamp_of(path));
  fs::last_write_time(path, fs::last_write_time(path) - std::chrono::hours(1));
  CHECK(stamp_of(path).modified_ns == first.modified_ns - 3'600'000'000'000);
  write_bytes(other, bytes_of("12345"));
  CHECK(stamp_of(other).inode != first.inode);
  CHECK_THROWS_AS(stamp_of(folder / "absent"), Error);
}

TEST_CASE("the stamp of a file that was just changed equals no other") {
  const TemporaryFolder folder;
  write_bytes(folder / "a", bytes_of("12345"));
  CHECK(lasting_stamp_of(folder / "a") != stamp_of(folder / "a"));
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));
  CHECK(lasting_stamp_of(folder / "a") == stamp_of(folder / "a"));
}

TEST_CASE("a file's content hash is of all its bytes") {
  const TemporaryFolder folder;
  std::string bytes((std::size_t{2} << 20) + 3, 'x');  // more than two of the parts that it is read in
  const auto hash = [&] {
    write_bytes(folder / "a", bytes_of(bytes));
    return file_content_hash(folder / "a");
  };
  std::vector<std::uint64_t> hashes = {hash()};
  for (const std::size_t at : {std::size_t{0}, std::size_t{1} << 20, bytes.size() - 1}) {
    bytes[at] = 'y';
    hashes.push_back(hash());
    bytes[at] = 'x';
  }
  CHECK(hash() == hashes[0]);
  std::ranges::sort(hashes);
  CHECK(std::ranges::adjacent_find(hashes) == hashes.end());
  CHECK_THROWS_AS(file_content_hash(folder.path()), Error);
}
