// A file in memory without reading it: the system loads and drops its pages as they are needed.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace xr::engine {

/// Bytes of a regular file, read only. They stay valid when the file is removed or replaced by a rename;
/// shortening it in place while it is mapped ends the program (SIGBUS), so only files that are never changed
/// in place are mapped.
class MappedFile {
 public:
  /// Throws xr::Error for a file that cannot be opened or mapped. An empty file gives no bytes.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace xr::engine
