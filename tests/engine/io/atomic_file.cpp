#include "engine/io/atomic_file.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>

#include "engine/io/safetensors.h"
#include "kernels/common/error_codes.h"
#include "tests/engine/support.h"

using namespace xr;
using namespace xr::engine;
using namespace xr::engine::test;
using Catch::Matchers::Contains;

namespace {

/// While one lives, files of this process cannot grow beyond `bytes`: a full disk, as far as write() tells.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) throw Error("cannot limit the size of files");
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int) = nullptr;
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a committed file has the bytes and no companion") {
  const TemporaryFolder folder;
  AtomicFile file(folder / "a.txt");
  file.write("hello ");
  file.write("world");
  CHECK_FALSE(fs::exists(folder / "a.txt"));  // not before commit
  file.commit();
  CHECK(read_file(folder / "a.txt") == "hello world");
  CHECK(file_names(folder.path()) == Names{"a.txt"});
  write_file_atomically(folder / "a.txt", "short");
  CHECK(read_file(folder / "a.txt") == "short");
  write_file_atomically(folder / "empty", "");
  CHECK(fs::file_size(folder / "empty") == 0);
}

TEST_CASE("a file that is not committed leaves nothing and keeps the old one") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a.txt", "old");
  {
    AtomicFile file(folder / "a.txt");
    file.write("new and longer");
  }
  CHECK(read_file(folder / "a.txt") == "old");
  CHECK(file_names(folder.path()) == Names{"a.txt"});
  try {
    AtomicFile file(folder / "a.txt");
    file.write("new");
    throw Error("something else went wrong");
  } catch (const Error&) {
  }
  CHECK(read_file(folder / "a.txt") == "old");
  CHECK(file_names(folder.path()) == Names{"a.txt"});
}

TEST_CASE("a full disk is an error that keeps the old file") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a.txt", "old");
  const std::string large(1 << 20, 'x');
  const std::string message = [&] {
    const FileSizeLimit limit(1 << 16);
    return error_of([&] { write_file_atomically(folder / "a.txt", large); });
  }();
  CHECK_THAT(message, Contains("cannot write") && Contains((folder / "a.txt").string()));
  CHECK(read_file(folder / "a.txt") == "old");
  CHECK(file_names(folder.path()) == Names{"a.txt"});

  const Tensor tensor = Tensor::zeros({1 << 20});
  const std::string second = [&] {
    const FileSizeLimit limit(1 << 16);
    return error_of([&] { save_safetensors(folder / "a.txt", {{"t", tensor}}); });
  }();
  CHECK_THAT(second, Contains("cannot write") && Contains("a.txt"));
  CHECK(read_file(folder / "a.txt") == "old");
  CHECK(file_names(folder.path()) == Names{"a.txt"});
}

TEST_CASE("a device without space gives the reason and a code") {
  if (!fs::exists("/dev/full")) {
    WARN("not tested: this system has no /dev/full");
    return;
  }
  const TemporaryFolder folder;
  fs::create_symlink("/dev/full", folder / "a.txt.tmp");  // where the bytes go before they are renamed
  try {
    write_file_atomically(folder / "a.txt", "bytes");
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == error_code::disk_full);
    CHECK_THAT(error.what(), Contains("a.txt") && Contains("No space left"));
  }
  CHECK(file_names(folder.path()).empty());
}

TEST_CASE("a place where no file can be made names the path") {
  const TemporaryFolder folder;
  CHECK_THAT(error_of([&] { AtomicFile file(folder / "missing" / "a.txt"); }),
             Contains("missing") && Contains("No such file"));
  fs::create_directory(folder / "taken");
  const std::string message = error_of([&] { write_file_atomically(folder / "taken", "bytes"); });
  CHECK_THAT(message, Contains("taken") && Contains("irectory"));
  CHECK(file_names(folder.path()) == Names{"taken"});
  if (::geteuid() == 0) return;  // root may write anywhere
  fs::permissions(folder.path(), fs::perms::owner_read | fs::perms::owner_exec);
  CHECK_THAT(error_of([&] { AtomicFile file(folder / "a.txt"); }), Contains("Permission denied"));
  fs::permissions(folder.path(), fs::perms::owner_all);
}

TEST_CASE("a write after commit is an error") {
  const TemporaryFolder folder;
  AtomicFile file(folder / "a.txt");
  file.commit();
  CHECK_THAT(error_of([&] { file.write("late"); }), Contains("a.txt"));
  CHECK_THAT(error_of([&] { file.commit(); }), Contains("a.txt"));
  CHECK(fs::file_size(folder / "a.txt") == 0);
}

TEST_CASE("several writers of one target do not disturb each other") {
  const TemporaryFolder folder;
  AtomicFile first(folder / "a.txt", Writers::many), second(folder / "a.txt", Writers::many);
  first.write("first");
  second.write("the second");
  second.commit();
  CHECK(read_file(folder / "a.txt") == "the second");
  first.commit();
  CHECK(read_file(folder / "a.txt") == "first");
  CHECK(file_names(folder.path()) == Names{"a.txt"});
}

TEST_CASE("a leftover of a killed run is overwritten") {
  const TemporaryFolder folder;
  write_file(folder / "a.txt.tmp", "the first half of something much longer than the new file");
  write_file_atomically(folder / "a.txt", "new");
  CHECK(read_file(folder / "a.txt") == "new");
  CHECK(file_names(folder.path()) == Names{"a.txt"});
}
