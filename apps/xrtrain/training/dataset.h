// The images of a run: found, decoded, and what is derived from them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/xrtrain/console.h"
#include "apps/xrtrain/distributed/ranks.h"
#include "apps/xrtrain/options/options.h"
#include "data/dataset/image_folder.h"
#include "data/dataset/image_set.h"
#include "data/loader/augment.h"
#include "data/loader/loader.h"

namespace xr::apps {

/// How images become the network's input. Fixed by a preset's `augment`, image size and channels, and written
/// into every checkpoint, so that predictions see what the evaluation saw.
struct Preprocessing {
  data::StoredFormat train, evaluation;
  data::AugmentSettings train_augment, evaluation_augment;  ///< with mean and deviation
};

/// "none", "middle", "border": data::Mask in this order.
[[nodiscard]] const std::vector<std::string>& mask_names();
/// Throws Error for another name.
[[nodiscard]] data::Mask mask_named(const std::string& name);

/// Without mean and deviation: 0 and 1.
[[nodiscard]] Preprocessing make_preprocessing(const TrainOptions& options);

/// Mean and standard deviation of each channel over all pixels, 0..1.
struct PixelStatistics {
  std::array<float, 3> mean{0, 0, 0}, deviation{1, 1, 1};
};
void set_normalization(Preprocessing& preprocessing, const PixelStatistics& statistics);
[[nodiscard]] PixelStatistics pixel_statistics(const data::ImageSet& images);

/// What tells one set of training images from another: names, labels and pixels.
[[nodiscard]] std::string identity_of(const data::ImageSet& images);

/// Weight of each class in the loss: images / (classes * images of the class).
[[nodiscard]] std::vector<float> balanced_class_weights(const data::ImageSet& images, std::size_t classes);

/// Of several labels: the factor of each label's positive targets in the loss, known targets without the label /
/// those with it, as PyTorch's pos_weight is meant; at most max_label_weight, 1 for a label that no image has.
[[nodiscard]] std::vector<float> balanced_label_weights(const data::ImageSet& images, std::size_t labels);
constexpr float max_label_weight = 100.0f;

/// How many images have a label, of how many that is known.
struct LabelCount {
  std::int64_t positive = 0, known = 0;
};
[[nodiscard]] std::vector<LabelCount> count_labels(const data::ImageSet& images, std::size_t labels);

/// Finds the images of a run's data folder and splits them. Throws DataError.
[[nodiscard]] data::Dataset find_dataset(const TrainOptions& options, Console& console);
/// For the scan of a folder.
[[nodiscard]] data::Progress listing_progress(Console& console);
/// Checks that the names can be written into a checkpoint. Throws DataError.
void check_class_names(const std::vector<std::string>& names);

/// Throws UsageError on rank 0 unless all ranks have found the same images: names, order and labels. What the files hold
/// is compared where they are loaded.
void require_same_samples(Ranks& ranks, const std::vector<data::Sample>& samples);

struct DecodeOptions {
  std::int64_t workers = 0;
  bool strict = false;
  bool cache = true;            ///< in image_cache_folder()
  bool require_classes = true;  ///< data::LoadSettings
  Ranks* ranks = nullptr;       ///< which load the same split and share the decoding
};
/// Decodes a split, or takes it from the cache; files that cannot be read are in ImageSet::skipped. Throws DataError.
[[nodiscard]] data::ImageSet load_split(const data::Dataset& dataset,
                                        const std::vector<data::Sample>& samples,
                                        const data::StoredFormat& format, const DecodeOptions& options,
                                        Console& console);

/// The images of all splits, each in its format. A class may lose most of its images in a part that the program split
/// off, but not in all of them together. Throws DataError.
struct LoadedSplits {
  data::ImageSet train, validation, test;
};
[[nodiscard]] LoadedSplits load_splits(const data::Dataset& dataset, const Preprocessing& preprocessing,
                                       DecodeOptions options, Console& console);

/// "149 COVID, 110 normal"; of several labels "31 mass, 12 edema (of 200 known)".
[[nodiscard]] std::string class_counts_text(const data::ImageSet& images,
                                            const std::vector<std::string>& class_names);

}  // namespace xr::apps
