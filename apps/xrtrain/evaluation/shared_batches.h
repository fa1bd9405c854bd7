// The batches of a set of images, dealt out to the ranks that evaluate it together.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "apps/xrtrain/training/features.h"
#include "data/dataset/image_set.h"
#include "engine/distributed/communicator.h"

namespace xr::apps {

/// Batches are cut as one process cuts them, and rank r of N computes the batches r, r + N, ...: sums are rounded as the
/// shape of a batch has it, so a batch is never split. A process that is alone has them all.
class SharedBatches {
 public:
  /// `images`, and `communicator` (null: alone), outlive it.
  SharedBatches(const data::ImageSet& images, std::int64_t batch_size, engine::Communicator* communicator);
  SharedBatches(const SharedBatches&) = delete;
  SharedBatches& operator=(const SharedBatches&) = delete;

  [[nodiscard]] bool are_shared() const { return communicator_ != nullptr; }
  [[nodiscard]] int ranks() const { return are_shared() ? communicator_->size() : 1; }
  /// The images of this rank's batches, in the order of the set: cut into batches of the same size they are these. Empty
  /// where there are more ranks than batches.
  [[nodiscard]] const data::ImageSet& own() const { return are_shared() ? own_ : images_; }
  /// Of features of all images, those of own().
  [[nodiscard]] std::shared_ptr<const Features> own_part(std::shared_ptr<const Features> features) const;
  /// `own`: `width` numbers for each image of own(). The numbers of all images, in the order of the set, on every rank.
  [[nodiscard]] std::vector<float> gather(std::span<const float> own, std::size_t width) const;

 private:
  /// Calls use(first image, images) for each batch of a rank.
  template <class Use>
  void for_batches_of(int rank, Use&& use) const;

  const data::ImageSet& images_;
  std::size_t batch_size_;
  engine::Communicator* communicator_;
  data::ImageSet own_;
};

}  // namespace xr::apps
