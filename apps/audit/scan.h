// What the audit knows of every image: read once, kept small.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "apps/audit/duplicates.h"
#include "data/dataset/image_folder.h"
#include "data/dataset/image_set.h"
#include "data/image/image.h"
#include "data/image/image_header.h"

namespace xr::audit {

constexpr std::size_t histogram_bins = 32;

struct ImageFacts {
  data::Sample sample;
  int split = 0;       ///< index into Scan::splits
  std::string format;  ///< "jpeg", "png", "bmp", "pnm"; by content, not by name
  int width = 0, height = 0, channels = 0, bits = 0;
  Fingerprint print;
  std::array<float, histogram_bins> histogram{};  ///< parts of the pixels by grey level, sum 1
};

struct Scan {
  std::filesystem::path directory;
  std::vector<std::string> class_names;
  std::vector<std::string> splits;  ///< "train", "test", ... or "all", where the program makes the splits
  std::vector<ImageFacts> images;   ///< in path order
  std::vector<data::SkippedFile> unreadable, skipped;  ///< damaged images; files that are no images
  std::vector<std::string> warnings;                   ///< of the table of patients
  std::string group_origin;
};

/// "jpeg", "png", "bmp", "pnm".
[[nodiscard]] const char* format_name(data::ImageFormat format);

/// What a copy of this grey image is found by.
[[nodiscard]] Fingerprint fingerprint(const data::Image& grey);

/// Reads and decodes all images of the dataset, with `workers` threads (0: one per core). The result does not
/// depend on their number.
[[nodiscard]] Scan scan_images(const data::Dataset& dataset, int workers, const data::Progress& progress);

/// What is known without reading a file again: thumbnails of images that are decoded already. Sizes, formats
/// and histograms stay empty.
void add_decoded(Scan& scan, const data::ImageSet& images, const std::string& split);

}  // namespace xr::audit
