#include "data/dataset/cache_segment.h"

#include "kernels/common/error.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <random>

namespace xr::data {

namespace fs = std::filesystem;

namespace {

constexpr const char* suffix = ".pixels";

std::uint64_t new_id() {
  std::random_device entropy;  // a name, nothing that a result depends on
  const std::uint64_t id = std::uint64_t{entropy()} << 32 | entropy();
  return id == 0 ? 1 : id;
}

}  // namespace

fs::path CacheSegment::file_of(const fs::path& folder, const std::string& stem, std::uint64_t id) {
  return folder / fmt::format("{}.{:016x}{}", stem, id, suffix);
}

std::uint64_t CacheSegment::id_in(const std::string& file_name, const std::string& stem) {
  const std::string begin = stem + ".";
  if (file_name.size() != begin.size() + 16 + std::strlen(suffix)) return 0;
  if (!file_name.starts_with(begin) || !file_name.ends_with(suffix)) return 0;
  const char* const first = file_name.data() + begin.size();
  std::uint64_t id = 0;
  const auto [end, code] = std::from_chars(first, first + 16, id, 16);
  return code == std::errc() && end == first + 16 ? id : 0;
}

CacheSegment::CacheSegment(const fs::path& folder, const std::string& stem, std::uint64_t id,
                           std::size_t slots, SlotBytes bytes, int flags)
    : id_(id),
      slots_(slots),
      bytes_(bytes),
      path_(file_of(folder, stem, id)),
      file_(::open(path_.c_str(), O_RDWR | O_CLOEXEC | flags, 0666)) {
  XR_CHECK(file_.get() >= 0, "cannot {} {}: {}", flags == 0 ? "open" : "create", engine::quote_name(path_),
           std::strerror(errno));
}

CacheSegment::CacheSegment(const fs::path& folder, const std::string& stem, std::size_t slots,
                           SlotBytes bytes)
    : CacheSegment(folder, stem, new_id(), slots, bytes, O_CREAT | O_EXCL) {
  if (slots == 0) return;
  const int code = ::posix_fallocate(file_.get(), 0, static_cast<off_t>(slots * bytes.all()));
  if (code == 0) return;
  throw Error(fmt::format("cannot write {} bytes to {}: {}", slots * bytes.all(), engine::quote_name(path_),
                          std::strerror(code)));
}

std::unique_ptr<CacheSegment> CacheSegment::open(const fs::path& folder, const std::string& stem,
                                                 std::uint64_t id, std::size_t slots, SlotBytes bytes) {
  std::unique_ptr<CacheSegment> segment(new CacheSegment(folder, stem, id, slots, bytes, 0));
  segment->keep();
  return segment;
}

CacheSegment::~CacheSegment() {
  if (!kept_) ::unlink(path_.c_str());
}

void CacheSegment::store(std::size_t slot, std::span<const std::uint8_t> bytes) {
  XR_CHECK(slot < slots_ && bytes.size() == bytes_.all(),
           "slot {} of {} with {} bytes does not fit a segment of {} slots of {} bytes", slot,
           engine::quote_name(path_), bytes.size(), slots_, bytes_.all());
  write(slot * bytes_.pixels, bytes.first(bytes_.pixels));
  write(slots_ * bytes_.pixels + slot * bytes_.facts, bytes.subspan(bytes_.pixels));
}

void CacheSegment::write(std::size_t position, std::span<const std::uint8_t> bytes) {
  auto at = static_cast<off_t>(position);
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(file_.get(), bytes.data(), bytes.size(), at);
    if (written < 0 && errno == EINTR) continue;
    XR_CHECK(written > 0, "cannot write {}: {}", engine::quote_name(path_), std::strerror(errno));
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    at += written;
  }
}

std::optional<FileStamp> CacheSegment::sync(const fs::path& file) {
  const engine::FileDescriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (opened.get() < 0 || ::fdatasync(opened.get()) != 0) return std::nullopt;
  try {
    return stamp_of(file);
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::shared_ptr<const engine::MappedFile> CacheSegment::map() const {
  return std::make_shared<const engine::MappedFile>(path_);
}

}  // namespace xr::data
