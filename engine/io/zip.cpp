#include "engine/io/zip.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "engine/io/file.h"
#include "engine/io/unpack.h"
#include "kernels/common/error.h"

namespace xr::engine {

namespace {

constexpr std::uint32_t local_signature = 0x04034b50, central_signature = 0x02014b50,
                        end_signature = 0x06054b50, zip64_end_signature = 0x06064b50,
                        zip64_locator_signature = 0x07064b50;
constexpr std::size_t local_bytes = 30, central_bytes = 46, end_bytes = 22, zip64_end_bytes = 56,
                      zip64_locator_bytes = 20, max_comment = 65535;
/// A central directory of more bytes is not of images or weights.
constexpr std::uint64_t max_directory = std::uint64_t{64} << 20;

/// Little-endian numbers of a record.
class Fields {
 public:
  explicit Fields(std::span<const std::byte> bytes) : bytes_(bytes) {}
  [[nodiscard]] std::uint64_t number(std::size_t offset, std::size_t width) const {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < width; ++i)
      value |= static_cast<std::uint64_t>(bytes_[offset + i]) << (8 * i);
    return value;
  }
  [[nodiscard]] std::uint32_t u32(std::size_t offset) const {
    return static_cast<std::uint32_t>(number(offset, 4));
  }
  [[nodiscard]] std::uint32_t u16(std::size_t offset) const {
    return static_cast<std::uint32_t>(number(offset, 2));
  }

 private:
  std::span<const std::byte> bytes_;
};

/// For messages: a name may have 65535 bytes.
std::string quote(const ZipMember& member) {
  constexpr std::size_t longest = 100;
  return quote_name(member.name.size() <= longest ? member.name : member.name.substr(0, longest - 3) + "...");
}

struct Directory {
  std::uint64_t offset = 0, bytes = 0, members = 0;
};

}  // namespace

class ZipFile::Implementation {
 public:
  explicit Implementation(std::filesystem::path path)
      : path_(std::move(path)), file_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {
    XR_CHECK(file_.get() >= 0, "cannot open {}: {}", quote_name(path_), std::strerror(errno));
    struct stat status {};
    XR_CHECK(::fstat(file_.get(), &status) == 0, "cannot read {}: {}", quote_name(path_),
             std::strerror(errno));
    XR_CHECK(S_ISREG(status.st_mode), "{} is not a regular file", quote_name(path_));
    size_ = static_cast<std::uint64_t>(status.st_size);
    read_directory(find_directory());
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] const std::vector<ZipMember>& members() const { return members_; }

  [[nodiscard]] std::unique_ptr<ZipReader> open(const ZipMember& member, Checksums checksums) const {
    require(!member.encrypted, "its member {} is encrypted", quote(member));
    require(member.method == 0 || member.method == 8,
            "its member {} is packed by method {}: only stored and deflated members can be read",
            quote(member), member.method);
    const std::vector<std::byte> header = bytes_at(member.header_offset, local_bytes);
    const Fields fields(header);
    require(fields.u32(0) == local_signature, "its member {} has no header: the archive is damaged",
            quote(member));
    const std::uint64_t data =
        member.header_offset + local_bytes + fields.u16(26) + fields.u16(28);  // name and extra fields
    require(data <= size_ && member.compressed <= size_ - data, "its member {} is cut off", quote(member));
    const auto source = [this](std::uint64_t offset, std::span<std::byte> bytes) { read_at(offset, bytes); };
    return unpack(member, fmt::format("{} of {}", quote(member), quote_name(path_)), data, source, checksums);
  }

 private:
  template <class... Arguments>
  void require(bool condition, fmt::format_string<Arguments...> format, Arguments&&... arguments) const {
    if (!condition)
      throw Error(fmt::format("cannot read {}: {}", quote_name(path_),
                              fmt::format(format, std::forward<Arguments>(arguments)...)));
  }

  void read_at(std::uint64_t offset, std::span<std::byte> bytes) const {
    while (!bytes.empty()) {
      const ssize_t count = ::pread(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (count < 0 && errno == EINTR) continue;
      require(count >= 0, "{}", std::strerror(errno));
      require(count > 0, "it became shorter while it was read");
      bytes = bytes.subspan(static_cast<std::size_t>(count));
      offset += static_cast<std::uint64_t>(count);
    }
  }
  [[nodiscard]] std::vector<std::byte> bytes_at(std::uint64_t offset, std::uint64_t count) const {
    require(offset <= size_ && count <= size_ - offset, "it is cut off or damaged: {} bytes at {} of {}",
            count, offset, size_);
    std::vector<std::byte> bytes(count);
    read_at(offset, bytes);
    return bytes;
  }

  /// By the end record, which a comment of up to 64 KiB may follow.
  [[nodiscard]] Directory find_directory() const {
    require(size_ >= end_bytes, "it is not a zip archive");
    const std::uint64_t tail = std::min<std::uint64_t>(size_, end_bytes + max_comment), first = size_ - tail;
    const std::vector<std::byte> bytes = bytes_at(first, tail);
    for (std::size_t at = bytes.size() - end_bytes + 1; at-- > 0;) {
      const Fields end{std::span(bytes).subspan(at, end_bytes)};
      if (end.u32(0) != end_signature || at + end_bytes + end.u16(20) != bytes.size()) continue;
      const Directory directory = full_directory({end.u32(16), end.u32(12), end.u16(10)}, first + at);
      require(end.u16(4) == 0 || end.u16(4) == 0xFFFF, "it is one of several files of an archive");
      return directory;
    }
    throw Error(
        fmt::format("cannot read {}: it is not a zip archive, or its end is missing", quote_name(path_)));
  }

  /// ZIP64: fields that are too small hold all ones, a record before the end record holds the numbers.
  [[nodiscard]] Directory full_directory(const Directory& small, std::uint64_t end) const {
    if (small.offset != 0xFFFFFFFF && small.bytes != 0xFFFFFFFF && small.members != 0xFFFF) return small;
    require(end >= zip64_locator_bytes, "it is damaged: its ZIP64 record is missing");
    const std::vector<std::byte> locator = bytes_at(end - zip64_locator_bytes, zip64_locator_bytes);
    if (Fields(locator).u32(0) != zip64_locator_signature) return small;
    const std::vector<std::byte> record = bytes_at(Fields(locator).number(8, 8), zip64_end_bytes);
    const Fields fields(record);
    require(fields.u32(0) == zip64_end_signature, "it is damaged: its ZIP64 record is missing");
    return {fields.number(48, 8), fields.number(40, 8), fields.number(32, 8)};
  }

  void read_directory(const Directory& directory) {
    require(directory.bytes <= max_directory, "its directory has {} bytes", directory.bytes);
    const std::vector<std::byte> bytes = bytes_at(directory.offset, directory.bytes);
    std::size_t at = 0;
    for (std::uint64_t i = 0; i < directory.members; ++i) {
      require(central_bytes <= bytes.size() - at, "its directory is cut off");
      const Fields fields{std::span(bytes).subspan(at, central_bytes)};
      require(fields.u32(0) == central_signature, "its directory is damaged");
      const std::size_t name = fields.u16(28), extra = fields.u16(30), comment = fields.u16(32);
      require(name + extra + comment <= bytes.size() - at - central_bytes, "its directory is cut off");
      ZipMember member;
      member.name.assign(reinterpret_cast<const char*>(bytes.data()) + at + central_bytes, name);
      member.method = static_cast<int>(fields.u16(10));
      member.encrypted = (fields.u16(8) & 1) != 0;
      member.checksum = fields.u32(16);
      member.compressed = fields.u32(20);
      member.size = fields.u32(24);
      member.header_offset = fields.u32(42);
      widen(member, std::span(bytes).subspan(at + central_bytes + name, extra));
      require(member.compressed <= size_ && member.header_offset <= size_,
              "its member {} would lie outside of it", quote(member));
      members_.push_back(std::move(member));
      at += central_bytes + name + extra + comment;
    }
  }

  /// ZIP64: what is all ones stands in an extra field of type 1, in this order.
  void widen(ZipMember& member, std::span<const std::byte> extra) const {
    while (extra.size() >= 4) {
      const Fields fields(extra);
      const std::size_t length = fields.u16(2);
      require(length <= extra.size() - 4, "an extra field of {} is cut off", quote(member));
      if (fields.u16(0) == 1) {
        std::size_t at = 4;
        for (std::uint64_t* value : {&member.size, &member.compressed, &member.header_offset}) {
          if (*value != 0xFFFFFFFF) continue;
          require(at + 8 <= 4 + length, "an extra field of {} is cut off", quote(member));
          *value = fields.number(at, 8);
          at += 8;
        }
      }
      extra = extra.subspan(4 + length);
    }
  }

  std::filesystem::path path_;
  FileDescriptor file_;
  std::uint64_t size_ = 0;
  std::vector<ZipMember> members_;
};

bool is_zip(const std::filesystem::path& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  std::array<char, 4> begin{};
  return file.get() >= 0 && ::pread(file.get(), begin.data(), begin.size(), 0) == 4 &&
         std::memcmp(begin.data(), "PK\3\4", 4) == 0;
}

ZipFile::ZipFile(const std::filesystem::path& path)
    : implementation_(std::make_unique<Implementation>(path)) {}

ZipFile::~ZipFile() = default;

const std::filesystem::path& ZipFile::path() const {
  return implementation_->path();
}

const std::vector<ZipMember>& ZipFile::members() const {
  return implementation_->members();
}

const ZipMember* ZipFile::find(const std::string& name) const {
  const auto found = std::ranges::find(members(), name, &ZipMember::name);
  return found == members().end() ? nullptr : &*found;
}

std::unique_ptr<ZipReader> ZipFile::open(const ZipMember& member, Checksums checksums) const {
  return implementation_->open(member, checksums);
}

}  // namespace xr::engine
