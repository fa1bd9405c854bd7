// A training step whose batch is cut into shards: each shard's forward, batch statistics and backward are computed for
// itself, and gradients, running statistics and the loss are added in one fixed tree (engine/distributed/shard_tree.h).
// Several ranks may share the shards; the bytes of the result do not depend on how many. While backward of a rank's last
// shard goes on, the gradients that are final are sent (engine/distributed/bucket_sums.h).
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "engine/core/final_gradients.h"
#include "engine/distributed/bucket_sums.h"
#include "model/training_step.h"

namespace xr::model {

struct ShardSettings {
  std::int64_t shards = 1;
  std::int64_t batch_size = 1, classes = 1;  ///< rows of a batch at most, and logits of a row
  std::int64_t min_rows = 1;                 ///< of a shard: min_training_batch() of the network
  /// Whom the shards are shared with, in parts of equal size; null: this process computes all. Outlives the step.
  engine::Communicator* communicator = nullptr;
  engine::BucketSize buckets = {};  ///< of gradients that are sent together; changes no bytes
  /// Between the devices of the ranks, on the network's device: sums stay in its memory. Null: through the host's.
  engine::DeviceExchange* exchange = nullptr;

  /// The shards of this rank, and their rows in a batch of `rows`.
  [[nodiscard]] engine::Range own_shards() const;
  [[nodiscard]] engine::Range own_rows(std::int64_t rows) const;
};

class ShardedTrainingStep {
 public:
  /// As TrainingStep, which is not captured here. The number of ranks divides the shards, else Error.
  ShardedTrainingStep(Module& network, engine::ParameterArena& arena, TrainingStepSettings settings,
                      const ShardSettings& sharding);
  ShardedTrainingStep(const ShardedTrainingStep&) = delete;
  ShardedTrainingStep& operator=(const ShardedTrainingStep&) = delete;

  /// As TrainingStep::run, with the same result on every rank: the loss and the gradients are those of the mean over
  /// the whole batch (of targets over its known ones), where batch norm sees one shard at a time. The change of the
  /// running statistics is the mean of the shards' changes, weighted by their rows. Dropout masks are a function of
  /// step and shard. labels has the whole batch; of `images` only the rows of this rank's shards are read.
  const TrainingStep::Result& run(std::int64_t step, const Tensor& images, const Tensor& labels,
                                  const std::function<void()>& make_images = {});

  /// Of all steps so far, in seconds: how long this rank waited for sums over ranks after its own backward, and how long
  /// these took, most of it beside backward.
  [[nodiscard]] double waited_seconds() const { return sums_.waited_seconds(); }
  [[nodiscard]] double summed_seconds() const { return sums_.summed_seconds(); }

 private:
  /// A buffer of the network, and its values before the step.
  struct Buffer {
    Tensor tensor, before;
    std::size_t place = 0;  ///< of its change in the last bucket
  };
  /// A part of the arena whose gradients are sent together.
  struct Bucket {
    engine::Range range;               ///< elements
    std::size_t parameters = 0;        ///< that have some of them
    std::size_t without_gradient = 0;  ///< of the parameters, in the backward that goes on
  };
  [[nodiscard]] static std::vector<Bucket> make_buckets(const engine::ParameterArena& arena,
                                                        const engine::BucketSize& size);
  [[nodiscard]] std::vector<std::size_t> bucket_widths() const;
  /// What each shard counts in the mean over the batch; their sum is 1.
  [[nodiscard]] std::vector<float> loss_shares(const Tensor& labels) const;
  void run_shard(std::int64_t step, std::int64_t shard, const Tensor& images, const Tensor& labels,
                 float share);
  /// Of the shard that is computed: the gradient of this parameter is final; buckets whose last it was are added.
  void finish_gradient(std::int64_t shard, const engine::TensorState& parameter);
  void add_gradients(std::size_t bucket, std::int64_t shard);
  /// Copies the host's values to the place of a shard in a bucket.
  void write(std::span<float> place, std::span<const float> values) const;
  /// What a shard adds to the last bucket: `values`.
  void collect(std::span<float> values, std::int64_t shard, float share, const TrainingStep::Result& result);
  /// Gradients, buffers and the result of the step, from the sums over all shards.
  void apply();
  void apply_buffers(std::span<const float> sum);
  [[nodiscard]] bool is_on_device() const { return sharding_.exchange != nullptr; }

  Module& network_;
  engine::ParameterArena& arena_;
  Tensor class_weights_;
  ShardSettings sharding_;
  engine::Range own_shards_;
  TrainingStep step_;
  std::vector<Buffer> buffers_;
  std::vector<engine::Range> cut_;  // of the latest batch
  std::vector<Bucket> buckets_;     // of the gradients
  std::unordered_map<const engine::TensorState*, std::vector<std::size_t>> buckets_of_;  // a parameter
  // The last bucket: changes of buffers, the loss, logits.
  std::size_t loss_place_ = 0, logits_place_ = 0;
  std::vector<float> last_values_;  // of the last bucket, on the host
  engine::BucketSums sums_;
  TrainingStep::Result result_;
};

}  // namespace xr::model
