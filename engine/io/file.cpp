#include "engine/io/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "kernels/common/error.h"

namespace xr::engine {

namespace {

std::string error_text() {
  return std::strerror(errno);
}

}  // namespace

FileDescriptor::~FileDescriptor() {
  if (value_ >= 0) ::close(value_);
}

int FileDescriptor::close_now() {
  return ::close(std::exchange(value_, -1));
}

std::string quote_name(const std::filesystem::path& path) {
  std::string result = "'";
  for (const char letter : path.native()) {
    const auto code = static_cast<unsigned char>(letter);
    if (letter == '\n')
      result += "\\n";
    else if (code < 0x20 || code == 0x7F)
      result += fmt::format("\\x{:02x}", code);
    else
      result += letter;
  }
  return result + "'";
}

std::vector<std::byte> read_file(const std::filesystem::path& path, std::uint64_t max_bytes) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  XR_CHECK(file.get() >= 0, "cannot open {}: {}", quote_name(path), error_text());
  struct stat status {};
  XR_CHECK(::fstat(file.get(), &status) == 0, "cannot read {}: {}", quote_name(path), error_text());
  XR_CHECK(!S_ISDIR(status.st_mode), "{} is a folder, not a file", quote_name(path));
  XR_CHECK(S_ISREG(status.st_mode), "{} is not a regular file", quote_name(path));
  XR_CHECK(status.st_size > 0, "{} is empty (0 bytes)", quote_name(path));
  const auto size = static_cast<std::uint64_t>(status.st_size);
  XR_CHECK(size <= max_bytes, "{} has {} bytes, more than the limit of {}", quote_name(path), size,
           max_bytes);
  std::vector<std::byte> bytes(size);
  std::size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t count = ::read(file.get(), bytes.data() + have, bytes.size() - have);
    if (count < 0 && errno == EINTR) continue;
    XR_CHECK(count >= 0, "cannot read {}: {}", quote_name(path), error_text());
    XR_CHECK(count > 0, "{} became shorter while it was read", quote_name(path));
    have += static_cast<std::size_t>(count);
  }
  return bytes;
}

}  // namespace xr::engine
