// The cache: decoded, resized images of one folder in one stored format, kept for the next start.
//
// An index file per (folder, format), so that a changed folder replaces its own old index, and beside it the
// segments that it names: files of equally long slots (an image's pixels; its print and its marks), which are mapped,
// not read. Index, native byte order: header (magic, version, format, counts, checksum), segments (id, number
// of slots, stamp), summaries (key, sums over the pixels of some images), one record per image (file stamp, content
// hash, fingerprint, segment, slot, checksum, path). Nothing in it is trusted: an index that is damaged in any way
// counts as absent, an image with a wrong checksum as not in it. The checksums of a segment that was written through
// to the disk and has the same stamp since (size, times, inode) are not worked out again.
#pragma once

#include "data/dataset/cache_segment.h"
#include "data/dataset/file_stamp.h"
#include "data/dataset/image_set.h"
#include "data/dataset/pixel_summary.h"

#include <memory>
#include <optional>
#include <span>
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
    std::shared_ptr<const engine::MappedFile> file;  ///< keeps the bytes valid
    const std::uint8_t *pixels = nullptr, *facts = nullptr;
    std::uint64_t fingerprint = 0, checksum = 0, segment = 0;
    std::uint64_t content = 0;       ///< file_content_hash
    FileStamp file_stamp;            ///< lasting_stamp_of the image file
    bool verified = false;           ///< the checksum was worked out
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
  /// One that another process is writing; throws xr::Error if it is not there.
  [[nodiscard]] std::unique_ptr<CacheSegment> open_segment(std::uint64_t id, std::size_t slots) const;
  /// Adds what was stored in a segment: paths and entries, whose segment numbers are set here.
  void add(CacheSegment& segment, const std::shared_ptr<const engine::MappedFile>& map,
           const std::vector<std::pair<std::string, Entry>>& entries);

  /// Of the images with these checksums, in this order.
  [[nodiscard]] std::optional<PixelSummary> find_summary(std::span<const std::uint64_t> checksums) const;
  /// Keeps it; the oldest of many is dropped.
  void add_summary(std::span<const std::uint64_t> checksums, const PixelSummary& summary);

  /// From now on a segment that keeps this stamp counts as intact.
  void trust(std::uint64_t segment_id, const FileStamp& stamp);
  /// The same for the segments of which every image was verified now, after they are written through to the disk. Gives
  /// how many these are.
  std::size_t trust_verified(std::span<const std::optional<Hit>> hits);

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
    FileStamp stamp{};                               ///< as when it was written through; zeros if it was not
    bool intact = false;                             ///< it has that stamp
  };
  struct Summary {
    std::uint64_t key = 0;
    PixelSummary pixels;
  };

  void read();
  void compact();
  void remove_unused() const;
  void read_segments(std::span<const std::byte>& index, std::uint64_t count);
  [[nodiscard]] std::filesystem::path file_of(const Segment& segment) const;
  [[nodiscard]] const std::uint8_t* pixels_of(const Entry& entry) const;
  [[nodiscard]] const std::uint8_t* facts_of(const Entry& entry) const;

  std::filesystem::path file_;
  StoredFormat format_;
  std::vector<Segment> segments_;
  std::vector<std::uint64_t> known_ids_;  ///< of segments read and added: removed once no index names them
  std::vector<Summary> summaries_;        ///< the newest last
  std::unordered_map<std::string, Entry> entries_;
};

}  // namespace xr::data
