// Reading zip archives, such as NumPy's .npz and PyTorch's .pth: members that are stored or deflated, also
// beyond 4 GiB (ZIP64). Everything else that the format knows (encryption, other methods, archives in several
// files) is refused by name. Format: PKWARE, "APPNOTE.TXT - .ZIP File Format Specification", version 6.3.10.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace xr::engine {

/// One file of an archive, as the central directory has it.
struct ZipMember {
  std::string name;
  int method = 0;                          ///< 0 stored, 8 deflated
  std::uint64_t compressed = 0, size = 0;  ///< Bytes in the archive and unpacked; compressed lies inside it.
  std::uint64_t header_offset = 0;         ///< Of its local header.
  std::uint32_t checksum = 0;              ///< CRC-32 of the unpacked bytes.
  bool encrypted = false;
};

/// Whether this build can unpack deflated members (it was built with zlib).
[[nodiscard]] bool can_inflate();

/// Whether a file begins as a zip archive does.
[[nodiscard]] bool is_zip(const std::filesystem::path& path);

class ZipReader;

/// Whether the bytes that are read must have the checksum that the directory has.
enum class Checksums { verified, ignored };

/// An open archive. Throws xr::Error that names the file for what is no archive, is cut off, or contradicts
/// itself.
class ZipFile {
 public:
  explicit ZipFile(const std::filesystem::path& path);
  ~ZipFile();
  ZipFile(const ZipFile&) = delete;
  ZipFile& operator=(const ZipFile&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const;
  /// In the order of the central directory.
  [[nodiscard]] const std::vector<ZipMember>& members() const;
  /// Null if there is none of that name.
  [[nodiscard]] const ZipMember* find(const std::string& name) const;
  /// Reads from the member's beginning on. Throws xr::Error for a method that is not supported. The file
  /// outlives the reader.
  [[nodiscard]] std::unique_ptr<ZipReader> open(const ZipMember& member,
                                                Checksums checksums = Checksums::verified) const;

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

/// The unpacked bytes of one member, from first to last.
class ZipReader {
 public:
  ZipReader() = default;
  ZipReader(const ZipReader&) = delete;
  ZipReader& operator=(const ZipReader&) = delete;
  virtual ~ZipReader() = default;
  /// Fills `bytes` with the next ones. Throws xr::Error if the member has fewer, is damaged, or, with its last
  /// byte, if the checksum differs.
  virtual void read(std::span<std::byte> bytes) = 0;
  /// Bytes that are left.
  [[nodiscard]] virtual std::uint64_t left() const = 0;
};

}  // namespace xr::engine
