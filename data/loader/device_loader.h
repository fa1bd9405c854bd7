// Batches made on a device from the bytes of the images: the twin of BatchLoader for devices other than the
// cpu. The host draws and sends 64 bytes per image; the device crops, warps and normalises.
#pragma once

#include "data/loader/loader.h"
#include "engine/core/tensor.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace xr::data {

/// Tensors on the device at addresses that do not change while the loader lives; a batch smaller than the
/// others takes their first rows.
struct DeviceBatch {
  engine::Tensor images;                  ///< (N, C, image_size, image_size)
  engine::Tensor labels;                  ///< (N), i64
  engine::Tensor targets;                 ///< (N, labels), f32; undefined with Task::multi_class
  std::span<const std::int64_t> classes;  ///< The labels on the host.
  std::span<const float> host_targets;    ///< The targets there.
  std::span<const std::size_t> indices;   ///< Positions in the ImageSet.
  [[nodiscard]] std::size_t count() const { return classes.size(); }
  [[nodiscard]] Truth truth() const { return {classes, host_targets}; }
};

/// Yields the batches that BatchLoader yields for the same settings (`workers` and `prefetch` mean nothing
/// here): the same images in the same order with the same draws, the values equal to the bit in f32.
///
/// A batch is made in two parts, so that the second one can be recorded (Backend::begin_capture) together
/// with the step that uses it, for all batches of full size:
///
///     while (loader.load_next()) {    // host: draws, one copy to the device
///       loader.make_batch();          // device: one or two kernels, fixed addresses, no allocation
///       step(loader.batch());
///     }
class DeviceLoader {
 public:
  /// The images are sent to the device here if they take no more than `memory_limit` bytes, by default half
  /// of what is free there; otherwise each batch sends its own, as bytes. The tensors' element type is the
  /// backend's activation_type() of now, their layout its preferred_layout. `images` must outlive the loader
  /// and stay unchanged. Throws xr::Error for an empty set or bad settings.
  DeviceLoader(const ImageSet& images, const LoaderSettings& settings, const kernels::Device& device,
               std::optional<std::size_t> memory_limit = std::nullopt);

  /// Batches in an epoch.
  [[nodiscard]] std::size_t batch_count() const { return batches_; }
  /// Whether all images lie on the device.
  [[nodiscard]] bool holds_images() const { return holds_images_; }

  /// Starts (over) with an epoch, at batch `first_batch`.
  void start_epoch(std::uint64_t epoch, std::size_t first_batch = 0);

  /// The next batch's labels, indices and draws go to the device; false at the end of the epoch. Not before
  /// the backward pass of the batch before: it overwrites that one's labels.
  bool load_next();
  /// Fills batch().images on the device. Only after a load_next() that gave true.
  void make_batch();
  /// Of the last load_next(). Handles of one full batch are those of every other.
  [[nodiscard]] const DeviceBatch& batch() const { return batch_; }

  /// load_next() and make_batch(); null at the end of the epoch.
  const DeviceBatch* next();

 private:
  struct Views {
    engine::Tensor images, labels, targets, indices, records;
  };
  /// The first `count` rows of the fixed tensors.
  [[nodiscard]] Views views_of(std::size_t count) const;
  void copy_all_images();
  void draw();
  void send();

  const ImageSet& images_;
  const LoaderSettings settings_;
  kernels::AugmentParams normalisation_;
  bool holds_images_ = false;
  std::size_t batches_ = 0, label_count_ = 0;  // targets of an image

  engine::Tensor source_;  // all images, or the rows of one batch: u8
  engine::Tensor output_;  // of a full batch
  engine::Tensor sent_;    // one block: labels, indices, records, targets of a full batch
  Views full_, last_;      // last_: of the smaller batch at an epoch's end

  std::vector<std::size_t> order_;
  std::uint64_t epoch_ = 0;
  std::size_t next_batch_ = 0;
  std::vector<std::int64_t> staging_;  // as sent_
  std::vector<kernels::AugmentRecord> records_;
  std::vector<float> targets_;
  std::vector<std::uint8_t> rows_;
  const Views* current_ = nullptr;
  DeviceBatch batch_;
};

}  // namespace xr::data
