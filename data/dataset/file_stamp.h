// Whether a file is still the one that was read, without reading it again.
#pragma once

#include <cstdint>
#include <filesystem>

namespace xr::data {

/// What the file system knows of a file. Times in nanoseconds since the epoch.
struct FileStamp {
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;  ///< of the content; programs can set it back
  std::int64_t changed_ns = 0;   ///< of content or status (ctime): only the system sets it
  std::uint64_t inode = 0;       ///< another one after a copy or a rename over it
  bool operator==(const FileStamp&) const = default;
};

/// Throws xr::Error if there is no such file.
[[nodiscard]] FileStamp stamp_of(const std::filesystem::path& path);

/// The stamp to keep with what is read from the file after this call. A file that was changed within the last
/// two seconds could be changed again without another ctime, as its clock ticks coarsely: its stamp is made
/// to equal no other, so that the content is compared next time.
[[nodiscard]] FileStamp lasting_stamp_of(const std::filesystem::path& path);

/// content_hash of the bytes of a file, read in parts. Throws xr::Error if it cannot be read.
[[nodiscard]] std::uint64_t file_content_hash(const std::filesystem::path& path);

}  // namespace xr::data
