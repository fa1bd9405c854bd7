#include "data/file.h"

#include "kernels/common/error.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

namespace xr::data {

namespace {

class FileDescriptor {
 public:
  explicit FileDescriptor(int value) : value_(value) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() {
    if (value_ >= 0) ::close(value_);
  }
  [[nodiscard]] int get() const { return value_; }
  /// Closes now and gives close's status: a network file system may report a failed write only here.
  int close_now() {
    const int status = ::close(value_);
    value_ = -1;
    return status;
  }

 private:
  int value_;
};

std::string error_text() {
  return std::strerror(errno);
}

void write_all(int file, std::span<const std::byte> bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), std::min<std::size_t>(bytes.size(), 1u << 30));
    if (written < 0 && errno == EINTR) continue;
    XR_CHECK(written > 0, "cannot write {}: {}; free some space or choose another folder", quote_name(path),
             error_text());
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

std::uint64_t mix(std::uint64_t value) {  // the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014)
  value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9u;
  value = (value ^ value >> 27) * 0x94D049BB133111EBu;
  return value ^ value >> 31;
}

}  // namespace

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

void write_file_atomically(const std::filesystem::path& path,
                           std::span<const std::span<const std::byte>> parts) {
  static std::atomic<unsigned> serial{0};
  std::filesystem::path temporary = path;
  temporary += fmt::format(".tmp.{}.{}", ::getpid(), serial.fetch_add(1));
  try {
    FileDescriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    XR_CHECK(file.get() >= 0, "cannot write {}: {}", quote_name(path), error_text());
    for (const auto part : parts) write_all(file.get(), part, path);
    XR_CHECK(::fsync(file.get()) == 0, "cannot write {}: {}", quote_name(path), error_text());
    XR_CHECK(file.close_now() == 0, "cannot write {}: {}", quote_name(path), error_text());
    XR_CHECK(::rename(temporary.c_str(), path.c_str()) == 0, "cannot write {}: {}", quote_name(path),
             error_text());
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
}

void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  write_file_atomically(path, std::span(&bytes, 1));
}

std::uint64_t content_hash(std::span<const std::byte> bytes, std::uint64_t seed) {
  // Four independent lanes of 8 bytes keep the multiplier busy; lengths and lanes are mixed in at the end.
  constexpr std::uint64_t odd = 0x9E3779B97F4A7C15u;
  std::uint64_t lane[4] = {seed ^ odd, seed + odd, mix(seed), ~seed};
  std::size_t position = 0;
  for (; position + 32 <= bytes.size(); position += 32)
    for (std::size_t i = 0; i < 4; ++i) {
      std::uint64_t word;
      std::memcpy(&word, bytes.data() + position + 8 * i, 8);
      lane[i] = (lane[i] ^ word) * odd;
      lane[i] ^= lane[i] >> 29;
    }
  std::uint64_t hash = mix(seed + bytes.size());
  for (const std::uint64_t value : lane) hash = mix(hash * odd + value);
  for (; position < bytes.size(); ++position)
    hash = (hash ^ static_cast<std::uint64_t>(bytes[position])) * odd;
  return mix(hash);
}

}  // namespace xr::data
