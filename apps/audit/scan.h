// What the audit knows of every image: read once, kept small.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "apps/audit/duplicates.h"
#include "apps/audit/shared_jobs.h"
#include "apps/audit/tell.h"
#include "data/dataset/image_folder.h"
#include "data/dataset/image_set.h"
#include "data/image/image.h"
#include "data/image/image_header.h"

namespace xr::audit {

constexpr std::size_t histogram_bins = 32;

struct ImageFacts {
  data::Sample sample;
  int split = 0;       ///< index into Scan::splits
  std::string format;  ///< FormatDescription::id, by content: "jpeg", "png", ...
  int width = 0, height = 0, channels = 0, bits = 0;
  data::PictureMarks marks;
  const data::DicomTags* tags = nullptr;  ///< of Scan::dicom; null: not a DICOM file
  Fingerprint print;
  std::array<float, histogram_bins> histogram{};  ///< parts of the pixels by grey level, sum 1
};

struct Scan {
  std::filesystem::path directory;
  std::string root;  ///< data::Dataset::root
  data::Task task = data::Task::multi_class;
  std::vector<std::string> class_names;  ///< or labels
  std::vector<std::string> splits;  ///< "train", "test", ... or "all", where the program makes the splits
  std::vector<ImageFacts> images;   ///< in path order
  std::vector<data::SkippedFile> unreadable, skipped;  ///< damaged images; files that are no images
  std::vector<data::Notice> notices;                   ///< of the layout and the table of patients
  std::string group_origin;
  std::shared_ptr<const data::DicomTable> dicom;  ///< data::Dataset::dicom
  data::SampleDepths depths;                      ///< by which images of more than 8 bits were scaled
};

/// For messages: the path of the table that names patients and sources, "xrays/sources.csv", whether it is there or not;
/// empty for an archive, which has none.
[[nodiscard]] std::string table_path_text(const Scan& scan);

/// Images, each of one class: what a question about classes is asked of. Points into a scan, which must live as long.
struct ClassedImages {
  std::vector<const ImageFacts*> images;
  std::vector<std::int64_t> classes;  ///< index into class_names, of each image
  std::vector<std::size_t> groups;    ///< of each image: those that belong together have the same number
  std::vector<std::string> class_names;
};
/// All images of a scan of classes.
[[nodiscard]] ClassedImages classed_images(const Scan& scan, std::span<const std::size_t> groups);

/// Whether an image is of a class, or has a label.
[[nodiscard]] bool is_of(const ImageFacts& image, std::size_t class_index);

/// Reads and decodes all images of the dataset, with `workers` threads (0: one per core), each by one of the ranks.
/// The result does not depend on their number.
[[nodiscard]] Scan scan_images(const data::Dataset& dataset, int workers, const data::Progress& progress,
                               Ranks ranks = nullptr);

/// What is known without reading a file again: the prints of images that are decoded already, the same as
/// scan_images makes and in the same order: by path, as how two images are aligned depends on which is the first. Sizes,
/// formats and histograms stay empty. Empty sets are no splits.
struct DecodedSplit {
  const data::ImageSet* images;
  std::string name;
};
void add_decoded(Scan& scan, const std::vector<DecodedSplit>& splits);

/// find_copies of the images that show something: blank ones are alike, but no copies.
[[nodiscard]] Copies find_copies_in(const Scan& scan, int workers, const Tell& tell = {},
                                    Ranks ranks = nullptr);

}  // namespace xr::audit
