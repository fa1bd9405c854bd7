// Decoded images of one split, ready to augment and batch, and how they are loaded (once, then from a cache).
#pragma once

#include "data/dataset/image_folder.h"
#include "data/dataset/picture_marks.h"
#include "data/dataset/picture_print.h"
#include "data/dataset/pixel_summary.h"
#include "data/image/image.h"
#include "data/loader/jobs.h"
#include "engine/distributed/communicator.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace xr::data {

/// How images are kept: all size x size.
enum class StoredShape {
  square,      ///< Resized to size x size, whatever the aspect ratio (the report's training images: 256).
  short_side,  ///< Short side to size, then the centre crop (the report's test images: 224).
};

/// What of an image is black, so that a network has to do without it: a control of where it looks.
enum class Mask {
  none,
  middle,  ///< The middle five eighths of each side.
  border,  ///< All but the middle five eighths of each side.
};

struct StoredFormat {
  StoredShape shape = StoredShape::square;
  int size = 256;
  int channels = 1;  ///< 1 grey, 3 RGB
  Mask mask = Mask::none;
  SampleDepths depths = {};  ///< Of the set; empty: each image by the bits that it uses itself.

  bool operator==(const StoredFormat&) const = default;
};

/// Bytes that a loaded image takes: its pixels, its print and its marks, in this order.
[[nodiscard]] inline std::size_t slot_bytes(const StoredFormat& format) {
  return static_cast<std::size_t>(format.channels) * format.size * format.size + picture_print_bytes +
         picture_marks_bytes;
}

/// Blackens part of a stored image: channels x size x size bytes.
void apply_mask(std::span<std::uint8_t> image, const StoredFormat& format);

/// Images as bytes, channels x size x size each, with what is known of each.
struct ImageSet {
  int channels = 1, size = 0;
  std::vector<std::uint8_t> pixels;  ///< N images one after another, unless `rows` says where they are.
  /// Where each image is, and where its print and marks; in memory that `holders` own (the mapped cache, mostly).
  std::vector<const std::uint8_t*> rows, facts;
  std::vector<std::shared_ptr<const void>> holders;
  std::vector<std::int64_t> labels;
  std::vector<float> targets;   ///< Images x labels, as Sample::targets; empty with Task::multi_class.
  std::vector<Sample> samples;  ///< Same order as the images.
  /// Hash of each image as it was decoded, in 1 or 3 channels, before it was resized: the same for any stored
  /// size, shape and mask, and for any file that holds the same pixels.
  std::vector<std::uint64_t> fingerprints;
  std::optional<PixelSummary> summary;  ///< Of images that went through a cache, which keeps it.
  std::vector<SkippedFile> skipped;     ///< Files that could not be decoded.
  std::vector<std::string> warnings;    ///< For example an unwritable cache.
  std::size_t decoded = 0;              ///< How many images were decoded now; the others came from the cache.
  std::vector<std::size_t> decoded_by;  ///< With several ranks: how many files each of them decoded for all.
  std::uint64_t received_bytes = 0;     ///< Of images that other ranks sent to this one.

  [[nodiscard]] std::size_t count() const { return labels.size(); }
  [[nodiscard]] Task task() const { return targets.empty() ? Task::multi_class : Task::multi_label; }
  /// Of an image; empty with Task::multi_class.
  [[nodiscard]] std::span<const float> targets_of(std::size_t index) const {
    const std::size_t width = count() == 0 ? 0 : targets.size() / count();
    return std::span(targets).subspan(index * width, width);
  }
  /// Its label and targets; the image is the caller's.
  void add_sample(const Sample& sample);
  [[nodiscard]] std::size_t image_bytes() const { return static_cast<std::size_t>(channels) * size * size; }
  [[nodiscard]] std::span<const std::uint8_t> image(std::size_t index) const {
    if (!rows.empty()) return {rows[index], image_bytes()};
    return std::span(pixels).subspan(index * image_bytes(), image_bytes());
  }
  /// What a duplicate is found by: of the whole decoded image, whatever it is stored as. Only of loaded images.
  [[nodiscard]] PicturePrint print(std::size_t index) const;
  /// What the whole image's pixels are like. Only of loaded images.
  [[nodiscard]] PictureMarks marks(std::size_t index) const;
};

struct LoadSettings {
  StoredFormat format;
  int workers = 0;                        ///< Decoding threads; 0: one per core.
  bool strict = false;                    ///< A file that cannot be decoded is an error instead of skipped.
  bool require_classes = true;            ///< As require_classes() of these samples alone.
  std::filesystem::path cache_directory;  ///< Empty: no cache.
  /// Decoded images go into the cache in parts of so many (of more where there are very many images), and its
  /// index is written between two parts, at most once in so long a time (0: after each part) and a 20th of it.
  std::size_t cache_part = 1024;
  std::chrono::milliseconds cache_interval{2000};
  /// From so many bytes on, what goes into the cache is written through to the disk, so that the next start need not
  /// read it to know that it is intact.
  std::uint64_t min_synced_bytes = std::uint64_t{256} << 20;
  /// Ranks that load the same samples at the same time, each with these settings but for its folder of the cache; null:
  /// this process alone.
  engine::Communicator* ranks = nullptr;
  DecodeLimits limits;
  Progress progress;        ///< Images decoded; not called when all come from the cache.
  Progress cache_progress;  ///< Images looked for in the cache.
};

/// Decodes and resizes `samples` (paths relative to `directory`), or takes them from the cache of this folder
/// and format, which stays mapped; images that the cache lacks, or whose file changed, are decoded and added.
/// A file is the one that was decoded if size, times and inode are the same, or else size and content. The
/// order is that of `samples`, whatever the number of workers. A loading that is interrupted, by an exception of
/// `progress` or by the end of the program, leaves in the cache what it decoded until then (but the last part
/// and interval, where the program was killed), so that the next one decodes the rest. Beside the decoded images (a block of memory,
/// or pages of the cache file that the system may drop) it takes some hundred bytes an image. Throws xr::Error
/// as require_classes() does, and with `strict`
/// for the first (in order) file that cannot be decoded.
///
/// Several ranks decode each file once, and share what they decoded: the images are those of one process. A rank uses what
/// another one decoded if its own file is the same (rank_files.h), else it decodes its own. The ranks of a machine share
/// the mapped cache; without one each has all images in memory. Throws Error on the rank that cannot read or decode a
/// file which another rank can; the others wait until they are ended.
ImageSet load_images(const std::filesystem::path& directory, std::span<const Sample> samples,
                     const std::vector<std::string>& class_names, const LoadSettings& settings);

/// What was wanted, and what could be decoded of it.
struct LoadedPart {
  std::span<const Sample> samples;
  const ImageSet* set = nullptr;
};

/// Throws xr::Error (error_code::class_unreadable) if a class of all parts together loses more than half of its images,
/// and if one of a part loses all: it is another class than the one that was meant. With labels the same of all images.
void require_classes(std::span<const LoadedPart> parts, const std::vector<std::string>& class_names);

/// Decodes one image into the stored format: channels x size x size bytes, planar. `fingerprint`, if given,
/// gets that of ImageSet::fingerprints, `notes` what there is to say of the decoding.
std::vector<std::uint8_t> load_image(const std::filesystem::path& path, const StoredFormat& format,
                                     const DecodeLimits& limits = {}, std::uint64_t* fingerprint = nullptr,
                                     ImageNotes* notes = nullptr);

}  // namespace xr::data
