#include "data/dataset/file_stamp.h"

#include "data/content_hash.h"
#include "engine/io/file.h"
#include "kernels/common/error.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <vector>

namespace xr::data {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t coarsest_clock_ns = 2'000'000'000;  // FAT keeps times to two seconds

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

FileStamp stamp_of(const fs::path& path) {
  struct stat status {};
  XR_CHECK(::stat(path.c_str(), &status) == 0, "cannot read {}: {}", engine::quote_name(path),
           std::strerror(errno));
  return {static_cast<std::uint64_t>(status.st_size), nanoseconds(status.st_mtim),
          nanoseconds(status.st_ctim), static_cast<std::uint64_t>(status.st_ino)};
}

FileStamp lasting_stamp_of(const fs::path& path) {
  FileStamp stamp = stamp_of(path);
  const std::int64_t now = std::chrono::duration_cast<std::chrono::nanoseconds>(
                               std::chrono::system_clock::now().time_since_epoch())
                               .count();
  if (now - stamp.changed_ns < coarsest_clock_ns) stamp.changed_ns = -1;  // no file has this
  return stamp;
}

std::uint64_t file_content_hash(const fs::path& path) {
  const engine::FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  XR_CHECK(file.get() >= 0, "cannot open {}: {}", engine::quote_name(path), std::strerror(errno));
  struct stat status {};
  XR_CHECK(::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode), "{} is not a regular file",
           engine::quote_name(path));
  std::vector<std::byte> part(std::size_t{1} << 20);
  std::uint64_t hash = 0;
  for (std::size_t have = 0;;) {
    const ssize_t count = ::read(file.get(), part.data() + have, part.size() - have);
    if (count < 0 && errno == EINTR) continue;
    XR_CHECK(count >= 0, "cannot read {}: {}", engine::quote_name(path), std::strerror(errno));
    have += static_cast<std::size_t>(count);
    if (count == 0 || have == part.size()) {  // parts of one size, however the system reads them
      hash = content_hash(std::span(part).first(have), hash);
      have = 0;
    }
    if (count == 0) return hash;
  }
}

}  // namespace xr::data
