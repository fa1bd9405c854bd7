// Batches as tensors on the device: made by loader threads for the cpu, on the device itself for others.
#pragma once

#include <memory>
#include <span>

#include "data/loader/loader.h"
#include "engine/core/tensor.h"

namespace xr::apps {

/// The batch as the network's input.
[[nodiscard]] engine::Tensor to_tensor(const data::Batch& batch, const kernels::Device& device);

class BatchSource {
 public:
  /// `images` must outlive the source and stay unchanged.
  [[nodiscard]] static std::unique_ptr<BatchSource> make(const data::ImageSet& images,
                                                         const data::LoaderSettings& settings,
                                                         const kernels::Device& device);
  BatchSource() = default;
  BatchSource(const BatchSource&) = delete;
  BatchSource& operator=(const BatchSource&) = delete;
  virtual ~BatchSource() = default;

  [[nodiscard]] virtual std::size_t batch_count() const = 0;
  virtual void start_epoch(std::uint64_t epoch, std::size_t first_batch = 0) = 0;
  /// The next batch's labels, and what make_images() needs; false at the end of the epoch.
  virtual bool load_next() = 0;
  /// Fills images(): work for the device alone, which can be captured.
  virtual void make_images() = 0;

  /// Of the batch that load_next() brought, valid until the next.
  [[nodiscard]] virtual const engine::Tensor& images() const = 0;  ///< (N, C, H, W), or features of images
  /// Leading modules of the network that have seen images() already (model::FromFeatures): 0 for images.
  [[nodiscard]] virtual std::size_t modules_done() const { return 0; }
  /// What the loss is taken against: classes, i64 (N), or targets, f32 (N, labels).
  [[nodiscard]] virtual const engine::Tensor& labels() const = 0;
  [[nodiscard]] virtual data::Truth truth() const = 0;  ///< on the host
};

}  // namespace xr::apps
