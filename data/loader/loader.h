// Batches of augmented images, made ahead by background threads.
#pragma once

#include "data/dataset/image_set.h"
#include "data/loader/augment.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace xr::data {

/// What the images of a batch are: the class of each, and with Task::multi_label their targets, images x labels.
struct Truth {
  std::span<const std::int64_t> classes;
  std::span<const float> targets = {};  ///< Empty with Task::multi_class.

  [[nodiscard]] std::size_t images() const { return classes.size(); }
};

/// count() images: `images` is N x channels x size x size floats.
struct Batch {
  std::vector<float> images;
  std::vector<std::int64_t> labels;
  std::vector<float> targets;        ///< As ImageSet::targets.
  std::vector<std::size_t> indices;  ///< Positions in the ImageSet.
  int channels = 0, size = 0;
  [[nodiscard]] std::size_t count() const { return labels.size(); }
  [[nodiscard]] Truth truth() const { return {labels, targets}; }
};

struct LoaderSettings {
  int batch_size = 32;
  bool shuffle = false;
  std::uint64_t seed = 0;
  AugmentSettings augment;
  bool one_draw =
      false;             ///< All images of an epoch are changed by the draws of image 0: one view of the set.
  int image_size = 224;  ///< Side of the output images.
  int workers = 2;       ///< Background threads; 0 makes each batch in next().
  int prefetch = 3;      ///< Batches made ahead at most.

  /// Of a batch of `count` images, the rows whose pixels are made, from .first to before .second; those of others are
  /// unspecified, for another rank makes them. Empty: all. DeviceLoader makes all.
  std::function<std::pair<std::size_t, std::size_t>(std::size_t count)> made_rows = {};

  /// The image whose draws change image `index`.
  [[nodiscard]] std::size_t draw_index(std::size_t index) const { return one_draw ? 0 : index; }
};

/// The order of `count` images in `epoch`: Fisher-Yates with Philox, RandomPurpose::shuffle.
std::vector<std::size_t> shuffled_order(std::size_t count, std::uint64_t seed, std::uint64_t epoch);

/// shuffled_order, or, without `shuffle`, that of the set.
std::vector<std::size_t> epoch_order(std::size_t count, const LoaderSettings& settings, std::uint64_t epoch);

/// Batches in an epoch.
std::size_t batch_count(const ImageSet& images, const LoaderSettings& settings);

/// Throws xr::Error for an empty set or bad settings.
void check_loader(const ImageSet& images, const LoaderSettings& settings);

/// Yields the batches of one epoch after another. What it yields is a function of the settings, the epoch and
/// the images, whatever the number of workers. The last batch of an epoch may be smaller. Buffers are reused.
/// Used by one thread; destroying it at any moment ends its threads.
class BatchLoader {
 public:
  /// `images` must outlive the loader and stay unchanged. Throws xr::Error for an empty set or bad settings.
  BatchLoader(const ImageSet& images, const LoaderSettings& settings);
  ~BatchLoader();
  BatchLoader(const BatchLoader&) = delete;
  BatchLoader& operator=(const BatchLoader&) = delete;

  /// Batches in an epoch.
  [[nodiscard]] std::size_t batch_count() const;

  /// Starts (over) with an epoch, at batch `first_batch` (for a run that is resumed within an epoch). A batch
  /// from next() ends to be valid.
  void start_epoch(std::uint64_t epoch, std::size_t first_batch = 0);

  /// The next batch, or null at the end of the epoch. Valid until the next call. Rethrows what went wrong in
  /// a background thread.
  const Batch* next();

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace xr::data
