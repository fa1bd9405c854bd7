#include "engine/io/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "kernels/common/error_codes.h"

namespace xr::engine {

namespace {

std::string temporary_suffix(Writers writers) {
  if (writers == Writers::one) return ".tmp";
  static std::atomic<unsigned> serial{0};
  return fmt::format(".tmp.{}.{}", ::getpid(), serial.fetch_add(1));
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path target, Writers writers)
    : target_(std::move(target)),
      temporary_(target_.native() + temporary_suffix(writers)),
      file_(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
  if (file_.get() < 0) fail("create");
}

AtomicFile::~AtomicFile() {
  if (file_.get() >= 0) ::unlink(temporary_.c_str());
}

void AtomicFile::fail(const char* action) const {
  const int code = errno;
  throw Error(code == ENOSPC ? error_code::disk_full : ErrorCode{},
              fmt::format("cannot {} {}: {}", action, quote_name(target_), std::strerror(code)));
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_.get(), bytes.data(), std::min<std::size_t>(bytes.size(), 1u << 30));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void AtomicFile::commit() {
  if (::fsync(file_.get()) != 0) fail("write");
  if (file_.close_now() != 0 || ::rename(temporary_.c_str(), target_.c_str()) != 0) {
    const int code = errno;
    ::unlink(temporary_.c_str());
    errno = code;
    fail("write");
  }
  // The rename itself must survive a crash.
  const std::filesystem::path folder = target_.has_parent_path() ? target_.parent_path() : ".";
  const FileDescriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0) fail("write");
  if (::fsync(directory.get()) != 0 && errno != EINVAL)
    fail("write");  // some file systems cannot sync folders
}

void write_file_atomically(const std::filesystem::path& target, std::string_view text) {
  write_file_atomically(target, std::as_bytes(std::span(text)));
}

void write_file_atomically(const std::filesystem::path& target, std::span<const std::byte> bytes) {
  write_file_atomically(target, std::span(&bytes, 1));
}

void write_file_atomically(const std::filesystem::path& target,
                           std::span<const std::span<const std::byte>> parts, Writers writers) {
  AtomicFile file(target, writers);
  for (const std::span<const std::byte> part : parts) file.write(part);
  file.commit();
}

}  // namespace xr::engine
