// The training loop (trainer.cpp), its checkpoints, and going on after an interruption (trainer_checkpoints.cpp).
#pragma once

#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/xrtrain/console.h"
#include "apps/xrtrain/distributed/device_sums.h"
#include "apps/xrtrain/evaluation/evaluate.h"
#include "apps/xrtrain/run/checkpoint.h"
#include "apps/xrtrain/run/checkpoint_writer.h"
#include "apps/xrtrain/run/history.h"
#include "apps/xrtrain/run/resume_state.h"
#include "apps/xrtrain/run/run_folder.h"
#include "apps/xrtrain/training/batch_source.h"
#include "apps/xrtrain/training/features.h"
#include "apps/xrtrain/training/step_results.h"
#include "engine/train/exponential_moving_average.h"
#include "engine/train/optimizer.h"
#include "engine/train/schedule.h"
#include "model/sharded_training_step.h"
#include "model/training_step.h"

namespace xr::apps {

/// What a trainer works with; everything outlives it.
struct TrainingSetup {
  const TrainOptions& options;
  const kernels::Device& device;
  RunFolder& folder;
  Console& console;
  CheckpointInfo info;  ///< without epoch and results
  model::Module& network;
  const data::ImageSet& train;
  const Preprocessing& preprocessing;
  EvaluationSplit* validation = nullptr;  ///< or none
  FeatureExtractor* features = nullptr;   ///< for epochs that train the head alone; none: on images
  std::vector<float> class_weights;       ///< or none
  std::string data_identity;              ///< of training and validation images
  int threads = 1;
  engine::Communicator* communicator = nullptr;  ///< with the other ranks that share the shards, or none
};

/// How batches of training images are made.
[[nodiscard]] data::LoaderSettings training_batches(const TrainingSetup& setup);
/// The same, of the images of this rank's shards alone.
[[nodiscard]] data::LoaderSettings own_training_batches(const TrainingSetup& setup);
/// Of a run that is resumed: the epoch whose optimizer was saved.
[[nodiscard]] std::int64_t epoch_of_optimizer(const Progress& progress);

class Trainer {
 public:
  /// `resume`: the state to go on from. Throws DataError if it does not fit.
  Trainer(TrainingSetup setup, const std::optional<ResumeState>& resume);

  /// Trains to the last epoch, or until patience is at its end; afterwards all checkpoints are on disk. Throws Error that names epoch and step
  /// if the loss is no longer finite, Interrupted after a signal, in both cases with everything that resuming
  /// needs on disk.
  void run();

  [[nodiscard]] const History& history() const { return history_; }
  /// Whether nothing is left to train.
  [[nodiscard]] bool finished() const;

  /// Of the time that the training steps took since the trainer was made, the part spent waiting for a batch
  /// to be loaded, 0 to 1.
  [[nodiscard]] double data_wait_share() const;
  /// The part spent waiting for other ranks, after this rank's own backward.
  [[nodiscard]] double rank_wait_share() const;

 private:
  void restore(const ResumeState& state);
  /// Whether this rank writes files.
  [[nodiscard]] bool writes() const {
    return setup_.communicator == nullptr || setup_.communicator->rank() == 0;
  }
  /// Where ranks share the shards: weights, moments and averages of rank 0 on all.
  void share_state();
  /// Throws Error unless all have the same weights and results after an epoch.
  void require_equal_ranks();
  /// Arena, optimizer and training step of the parameters that are trained.
  void begin_phase(bool head_alone);
  /// Changes to what the next epoch trains: all after the head, or the head on features.
  void begin_epoch();
  void train_epoch();
  bool load_batch();
  void step();
  /// Of the present phase: how long the steps waited for sums over ranks, and how long these took.
  struct RankSeconds {
    double waited = 0.0, summed = 0.0;
  };
  [[nodiscard]] RankSeconds rank_seconds() const;
  /// Adds the results of steps to the epoch's.
  void count(const std::vector<StepResult>& results);
  void finish_epoch();
  void log_times(std::int64_t epoch, double seconds);
  void print_early_stopping() const;
  [[nodiscard]] std::string progress_text() const;
  /// Whether times mean nothing: those of a device that the host computes.
  [[nodiscard]] bool is_simulated() const;
  /// The weights that an epoch's checkpoint has: the trained ones, or their average.
  struct EvaluatedWeights {
    std::optional<Evaluation> validation;
    std::vector<engine::NamedTensor> network;  ///< the whole state, see snapshot()
  };
  [[nodiscard]] EvaluatedWeights evaluate_epoch();
  /// Of the weights that the network has now: running statistics, where they are to be recomputed, then validation.
  void evaluate_weights(EvaluatedWeights& result);
  [[noreturn]] void fail_diverged(const char* what) const;
  void save_epoch(const EpochRecord& record, std::vector<engine::NamedTensor> evaluated);
  [[noreturn]] void save_within_epoch();
  /// history.csv, and the event file if it is wanted.
  void write_history(const History& history) const;
  void prune_checkpoints(const History& history, std::int64_t resume_epoch) const;
  [[nodiscard]] std::vector<engine::NamedTensor> snapshot();
  [[nodiscard]] ResumeState resume_state() const;
  /// What the state for resuming holds; `network` may be empty, where a checkpoint has it.
  [[nodiscard]] std::vector<engine::NamedTensor> state_tensors(
      const std::vector<engine::NamedTensor>& network);
  [[nodiscard]] bool resume_state_due(bool last) const;

  TrainingSetup setup_;
  std::unique_ptr<engine::DeviceExchange> exchange_;  // between the ranks' devices, or none
  std::unique_ptr<engine::ParameterArena> arena_;
  std::unique_ptr<engine::Optimizer> optimizer_;
  std::unique_ptr<engine::ExponentialMovingAverage> average_;  // of --ema, or none
  std::unique_ptr<model::TrainingStep> training_step_;
  std::unique_ptr<model::ShardedTrainingStep> sharded_step_;  // with shards, in its place
  std::unique_ptr<BatchSource> batches_;
  bool head_alone_ = false;
  std::unique_ptr<BatchSource> statistics_batches_;  // or none
  std::int64_t statistics_images_ = 0;
  StepResults results_;
  engine::Schedule schedule_;
  std::int64_t first_candidate_;  // see history.h
  Progress progress_;
  History history_;
  double started_ = 0.0, epoch_started_ = 0.0;                        // seconds of now_seconds()
  std::int64_t first_step_ = 0, epoch_first_batch_ = 0;               // that began then
  double steps_seconds_ = 0.0, data_wait_seconds_ = 0.0;              // since the trainer was made
  double epoch_steps_seconds_ = 0.0, epoch_data_wait_seconds_ = 0.0;  // of this epoch
  double rank_wait_seconds_ = 0.0;                                    // since the trainer was made
  RankSeconds epoch_rank_seconds_;
  std::string timing_;
  // When and how long the state for resuming was written last, and for which epoch.
  double resume_saved_at_ = 0.0;
  std::atomic<double> resume_seconds_{0.0};
  std::int64_t resume_epoch_ = -1;
  std::future<void> weights_written_;  ///< until then the weights and moments must not change
  BackgroundWriter writer_;            // last: it ends before what it writes
};

/// Bytes of all checkpoints that a run keeps at a time, and of what resuming needs while it is replaced.
struct DiskNeed {
  std::uint64_t checkpoint = 0, resume = 0, total = 0;
  std::int64_t checkpoints = 0;
};
[[nodiscard]] DiskNeed disk_need(const TrainOptions& options, const model::Module& network,
                                 bool has_validation);

}  // namespace xr::apps
