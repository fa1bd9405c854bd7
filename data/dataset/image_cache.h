// The cache: decoded, resized images of one folder in one stored format, kept for the next start.
//
// An index file per (folder, format), so that a changed folder replaces its own old index, and beside it the
// segments that it names: files of equally long slots (an image's pixels, its print and its marks), which are mapped,
// not read. Index, native byte order: header (magic, version, format, counts, checksum), segments (id, number
// of slots), one record per image (file stamp, content hash, fingerprint, segment, slot, checksum, path).
// Nothing in it is trusted: an index that is damaged in any way counts as absent, an image with a wrong
// checksum as not in it.
#pragma once

#include "data/dataset/cache_segment.h"
#include "data/dataset/file_stamp.h"
#include "data/dataset/image_set.h"

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace xr::data {

class ImageCache {
 public:
  /// What is known of an image file and of what was decoded from it.
  struct Entry {
    FileStamp stamp;
    std::uint64_t content = 0;      ///< file_content_hash
    std::uint64_t fingerprint = 0;  ///< ImageSet::fingerprints
    std::uint64_t segment = 0, slot = 0;
    std::uint64_t checksum = 0;  ///< content_hash of the slot
  };
  struct Hit {
    std::shared_ptr<const engine::MappedFile> file;  ///< keeps `slot` valid
    const std::uint8_t* slot = nullptr;
    std::uint64_t fingerprint = 0;
    std::optional<FileStamp> stamp;  ///< a new one, for restamp(): the content is the same
  };

  /// Reads the index if there is a valid one. Never throws for what the files hold.
  ImageCache(std::filesystem::path file, const StoredFormat& format);

  /// The index file of a folder and format.
  static std::filesystem::path file_for(const std::filesystem::path& cache_directory,
                                        const std::filesystem::path& directory, const StoredFormat& format);

  /// What was decoded from the file `full_path`, known as `path`, if it is the same file (by its stamp) or
  /// another one of the same size and content. From any thread.
  [[nodiscard]] std::optional<Hit> find(const std::string& path,
                                        const std::filesystem::path& full_path) const;
  void restamp(const std::string& path, const FileStamp& stamp);

  /// A file for `slots` new images; throws xr::Error if it cannot be made.
  [[nodiscard]] std::unique_ptr<CacheSegment> new_segment(std::size_t slots) const;
  /// Adds what was stored in a segment: paths and entries, whose segment numbers are set here.
  void add(CacheSegment& segment, const std::shared_ptr<const engine::MappedFile>& map,
           const std::vector<std::pair<std::string, Entry>>& entries);

  /// Drops the entries whose file (below `directory`) is gone or of another size. Other changes are found
  /// when the image is asked for: a file of the same size may hold the same.
  void drop_gone(const std::filesystem::path& directory);

  /// Writes the index, whole or not at all; throws xr::Error (callers turn that into a warning).
  void save() const;
  /// The same, and removes what it no longer needs: at most half of all slots are unused afterwards, unless there
  /// was no room for a copy.
  void write();

  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Segment {
    std::uint64_t id = 0, slots = 0;
    std::shared_ptr<const engine::MappedFile> file;  ///< null: missing or too short
  };

  void read();
  void compact();
  void remove_unused() const;
  [[nodiscard]] const std::uint8_t* slot_of(const Entry& entry) const;

  std::filesystem::path file_;
  StoredFormat format_;
  std::vector<Segment> segments_;
  std::vector<std::uint64_t> ids_read_;
  std::unordered_map<std::string, Entry> entries_;
};

}  // namespace xr::data
