// Decoded images of one split, ready to augment and batch, and how they are loaded (once, then from a cache).
#pragma once

#include "data/dataset/image_folder.h"
#include "data/image/image.h"
#include "data/loader/jobs.h"

#include <cstdint>
#include <filesystem>
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
};

/// Blackens part of a stored image: channels x size x size bytes.
void apply_mask(std::span<std::uint8_t> image, const StoredFormat& format);

/// Images as bytes, N x channels x size x size, with what is known of each.
struct ImageSet {
  int channels = 1, size = 0;
  std::vector<std::uint8_t> pixels;
  std::vector<std::int64_t> labels;
  std::vector<Sample> samples;  ///< Same order as the images.
  /// Hash of each image as it was decoded, in 1 or 3 channels, before it was resized: the same for any stored
  /// size, shape and mask, and for any file that holds the same pixels.
  std::vector<std::uint64_t> fingerprints;
  std::vector<SkippedFile> skipped;   ///< Files that could not be decoded.
  std::vector<std::string> warnings;  ///< For example an unwritable cache.
  std::size_t decoded = 0;            ///< How many images were decoded now; the others came from the cache.

  [[nodiscard]] std::size_t count() const { return labels.size(); }
  [[nodiscard]] std::size_t image_bytes() const { return static_cast<std::size_t>(channels) * size * size; }
  [[nodiscard]] std::span<const std::uint8_t> image(std::size_t index) const {
    return std::span(pixels).subspan(index * image_bytes(), image_bytes());
  }
};

struct LoadSettings {
  StoredFormat format;
  int workers = 0;                        ///< Decoding threads; 0: one per core.
  bool strict = false;                    ///< A file that cannot be decoded is an error instead of skipped.
  std::filesystem::path cache_directory;  ///< Empty: no cache.
  DecodeLimits limits;
  Progress progress;  ///< Images decoded; not called when all come from the cache.
};

/// Decodes and resizes `samples` (paths relative to `directory`), or takes them from the cache file of this
/// folder and format; images that the cache lacks, or whose file's size or modification time changed, are
/// decoded and added. The order is that of `samples`, whatever the number of workers. Throws xr::Error if a
/// class of `samples` is left without any image, and with `strict` for the first (in order) file that cannot
/// be decoded.
ImageSet load_images(const std::filesystem::path& directory, std::span<const Sample> samples,
                     const std::vector<std::string>& class_names, const LoadSettings& settings);

/// Decodes one image into the stored format: channels x size x size bytes, planar. `fingerprint`, if given,
/// gets that of ImageSet::fingerprints.
std::vector<std::uint8_t> load_image(const std::filesystem::path& path, const StoredFormat& format,
                                     const DecodeLimits& limits = {}, std::uint64_t* fingerprint = nullptr);

}  // namespace xr::data
