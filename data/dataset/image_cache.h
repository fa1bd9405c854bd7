// The cache file: decoded, resized images of one folder in one stored format.
//
// One file per (folder, format), so that a changed folder replaces its own old file. Layout, native byte
// order: header (magic, version, format, counts, checksums), index (one record per image: path, file size,
// modification time, fingerprint, pixel checksum), pixels. Nothing in it is trusted: a file that is damaged
// in any way counts as absent, an image with a wrong checksum as not in it.
#pragma once

#include "data/dataset/image_set.h"

#include <string>
#include <unordered_map>

namespace xr::data {

/// What tells that an image file is the one that was decoded.
struct FileStamp {
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;  ///< since the epoch
  bool operator==(const FileStamp&) const = default;
};

/// Throws xr::Error if there is no such file.
FileStamp stamp_of(const std::filesystem::path& path);

class ImageCache {
 public:
  struct Entry {
    FileStamp stamp;
    std::uint64_t fingerprint = 0;  ///< ImageSet::fingerprints
    std::vector<std::uint8_t> pixels;
  };

  /// Reads the cache file if there is a valid one. Never throws for what the file holds.
  ImageCache(std::filesystem::path file, const StoredFormat& format);

  /// The cache file of a folder and format.
  static std::filesystem::path file_for(const std::filesystem::path& cache_directory,
                                        const std::filesystem::path& directory, const StoredFormat& format);

  /// The entry of `path` if it was decoded from this very file; null otherwise.
  [[nodiscard]] const Entry* find(const std::string& path, const FileStamp& stamp) const;

  void insert(const std::string& path, Entry entry);

  /// Drops the entries whose file (below `directory`) is gone or changed.
  void drop_stale(const std::filesystem::path& directory);

  /// Writes the file whole or not at all; throws xr::Error (callers turn that into a warning).
  void write() const;

  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  void read();
  [[nodiscard]] std::size_t image_bytes() const {
    return static_cast<std::size_t>(format_.channels) * format_.size * format_.size;
  }

  std::filesystem::path file_;
  StoredFormat format_;
  std::unordered_map<std::string, Entry> entries_;
};

}  // namespace xr::data
