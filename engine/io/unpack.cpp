#include "engine/io/unpack.h"

#include <algorithm>

#include "engine/io/crc32.h"
#include "kernels/common/error.h"

#if XR_HAS_ZLIB
#include <zlib.h>
#endif

namespace xr::engine {

namespace {

constexpr std::size_t buffer_bytes = std::size_t{1} << 16;

/// What both kinds share: how much is left, and the checksum.
class CheckedReader : public ZipReader {
 public:
  CheckedReader(const ZipMember& member, std::string what, std::uint64_t offset, ZipSource source,
                Checksums checksums)
      : what_(std::move(what)),
        source_(std::move(source)),
        offset_(offset),
        packed_left_(member.compressed),
        left_(member.size),
        checksum_(member.checksum),
        verified_(checksums == Checksums::verified) {}

  void read(std::span<std::byte> bytes) final {
    XR_CHECK(bytes.size() <= left_, "{} ends too early: {} bytes are missing", what_, bytes.size() - left_);
    take(bytes);
    if (verified_) crc_ = crc32(bytes, crc_);
    left_ -= bytes.size();
    XR_CHECK(!verified_ || left_ > 0 || crc_ == checksum_, "{} is damaged: its checksum differs", what_);
  }
  [[nodiscard]] std::uint64_t left() const final { return left_; }

 protected:
  virtual void take(std::span<std::byte> bytes) = 0;
  [[nodiscard]] const std::string& what() const { return what_; }
  [[nodiscard]] std::uint64_t packed_left() const { return packed_left_; }
  /// The next packed bytes.
  void take_packed(std::span<std::byte> bytes) {
    XR_CHECK(bytes.size() <= packed_left_, "{} is damaged: its packed bytes end too early", what_);
    source_(offset_, bytes);
    offset_ += bytes.size();
    packed_left_ -= bytes.size();
  }

 private:
  std::string what_;
  ZipSource source_;
  std::uint64_t offset_, packed_left_, left_;
  std::uint32_t checksum_;
  bool verified_;
  std::uint32_t crc_ = 0;
};

class StoredReader final : public CheckedReader {
 public:
  using CheckedReader::CheckedReader;

 private:
  void take(std::span<std::byte> bytes) override { take_packed(bytes); }
};

#if XR_HAS_ZLIB
class InflatedReader final : public CheckedReader {
 public:
  InflatedReader(const ZipMember& member, std::string name, std::uint64_t offset, ZipSource source,
                 Checksums checksums)
      : CheckedReader(member, std::move(name), offset, std::move(source), checksums), buffer_(buffer_bytes) {
    // Negative: the bare deflate stream, without zlib's header.
    XR_CHECK(::inflateInit2(&stream_, -MAX_WBITS) == Z_OK, "{} cannot be inflated: no memory", what());
  }
  ~InflatedReader() override { (void)::inflateEnd(&stream_); }

 private:
  void take(std::span<std::byte> bytes) override {
    while (!bytes.empty()) {
      if (stream_.avail_in == 0 && packed_left() > 0) {
        const std::size_t count = std::min<std::uint64_t>(packed_left(), buffer_.size());
        take_packed(std::span(buffer_).first(count));
        stream_.next_in = reinterpret_cast<Bytef*>(buffer_.data());
        stream_.avail_in = static_cast<uInt>(count);
      }
      const std::size_t wanted = std::min(bytes.size(), std::size_t{1} << 30);
      stream_.next_out = reinterpret_cast<Bytef*>(bytes.data());
      stream_.avail_out = static_cast<uInt>(wanted);
      const uInt input = stream_.avail_in;
      const int status = ::inflate(&stream_, Z_NO_FLUSH);
      const std::size_t made = wanted - stream_.avail_out;
      // A piece of input may hold nothing but a part of a block's codes.
      const bool advanced = made > 0 || (status == Z_OK && stream_.avail_in < input);
      XR_CHECK((status == Z_OK || status == Z_STREAM_END) && advanced,
               "{} is damaged: its packed bytes cannot be inflated", what());
      bytes = bytes.subspan(made);
    }
  }

  z_stream stream_{};
  std::vector<std::byte> buffer_;
};
#endif

}  // namespace

bool can_inflate() {
  return XR_HAS_ZLIB != 0;
}

std::unique_ptr<ZipReader> unpack(const ZipMember& member, std::string what, std::uint64_t offset,
                                  ZipSource source, Checksums checksums) {
  if (member.method == 0) {
    XR_CHECK(member.compressed == member.size, "{} is damaged: stored, but {} bytes are {}", what,
             member.size, member.compressed);
    return std::make_unique<StoredReader>(member, std::move(what), offset, std::move(source), checksums);
  }
  // Deflate packs to a 1032nd at the best.
  XR_CHECK(member.size / 1033 <= member.compressed, "{} is damaged: {} bytes cannot be packed into {}", what,
           member.size, member.compressed);
#if XR_HAS_ZLIB
  return std::make_unique<InflatedReader>(member, std::move(what), offset, std::move(source), checksums);
#else
  throw Error(
      fmt::format("{} is deflated, and this build has no zlib: install zlib1g-dev and build again", what));
#endif
}

}  // namespace xr::engine
