// What an epoch trains: the head alone, on features where they can be computed once, or everything.
#include <algorithm>

#include "apps/xrtrain/training/loader_settings.h"
#include "apps/xrtrain/training/optimizer_setup.h"
#include "apps/xrtrain/training/running_statistics.h"
#include "apps/xrtrain/training/trainer.h"

namespace xr::apps {

namespace {

bool recomputes_statistics(const TrainingSetup& setup, std::int64_t steps) {
  switch (setup.options.recompute_statistics) {
    case RecomputeStatistics::yes:
      return true;
    case RecomputeStatistics::no:
      return false;
    case RecomputeStatistics::automatic:
      break;
  }
  if (setup.options.ema > 0) return has_trained_batch_norm(setup.network);
  // Networks that keep PyTorch's momentum and start at random are left as PyTorch trains them.
  const bool may = !setup.options.init.empty() || has_small_momentum(setup.network);
  return may && momentum_is_too_small(setup.network, steps);
}

model::ShardSettings shard_settings(const TrainingSetup& setup, engine::DeviceExchange* exchange = nullptr) {
  return {setup.options.shards,
          setup.options.batch_size,
          static_cast<std::int64_t>(setup.info.class_names.size()),
          model::min_training_batch(setup.info.model),
          setup.communicator,
          {},
          exchange};
}

}  // namespace

data::LoaderSettings training_batches(const TrainingSetup& setup) {
  return training_loader_settings(setup.options, setup.preprocessing);
}

data::LoaderSettings own_training_batches(const TrainingSetup& setup) {
  data::LoaderSettings settings = training_batches(setup);
  if (setup.communicator == nullptr) return settings;
  const model::ShardSettings sharding = shard_settings(setup);
  settings.made_rows = [sharding](std::size_t count) {
    const engine::Range rows = sharding.own_rows(static_cast<std::int64_t>(count));
    return std::pair(static_cast<std::size_t>(rows.begin), static_cast<std::size_t>(rows.end));
  };
  return settings;
}

std::int64_t epoch_of_optimizer(const Progress& progress) {
  return progress.batch > 0 ? progress.epoch : std::max<std::int64_t>(0, progress.epoch - 1);
}

void Trainer::begin_phase(bool head_alone) {
  head_alone_ = head_alone;
  if (!head_alone) setup_.network.unfreeze();
  training_step_.reset();
  sharded_step_.reset();
  average_.reset();
  optimizer_.reset();
  arena_ = std::make_unique<engine::ParameterArena>(setup_.network.trainable_parameters());
  optimizer_ = make_optimizer(setup_.options, setup_.info.model, *arena_);
  if (setup_.options.ema > 0)
    average_ = std::make_unique<engine::ExponentialMovingAverage>(*arena_, setup_.options.ema);
  const model::TrainingStepSettings step =
      training_step_settings(setup_.options, setup_.class_weights, setup_.device);
  if (setup_.options.shards > 1)
    sharded_step_ = std::make_unique<model::ShardedTrainingStep>(setup_.network, *arena_, step,
                                                                 shard_settings(setup_, exchange_.get()));
  else
    training_step_ = std::make_unique<model::TrainingStep>(setup_.network, *arena_, step);
  const auto steps = static_cast<std::int64_t>(batches_->batch_count());
  if (recomputes_statistics(setup_, steps)) {
    statistics_batches_ = BatchSource::make(setup_.train, training_batches(setup_), setup_.device);
    setup_.console.line(fmt::format(
        "Running statistics of batch norms are recomputed over the training images after each epoch: {} "
        "(--recompute-statistics)",
        average_ ? std::string("those of training do not belong to averaged weights")
                 : fmt::format("{} steps are too few for their momentum", steps)));
  }
}

void Trainer::begin_epoch() {
  if (head_alone_ && !trains_head_alone(setup_.options, progress_.epoch)) {
    writer_.wait();  // it reads parameters and moments where they lie now
    weights_written_ = {};
    batches_ = BatchSource::make(setup_.train, own_training_batches(setup_), setup_.device);
    if (setup_.validation != nullptr) setup_.validation->use_images();
    begin_phase(false);
    setup_.console.line("The backbone is trained from here on (--freeze-epochs)");
  }
  if (!head_alone_ || setup_.features == nullptr || batches_->modules_done() > 0) return;
  const data::LoaderSettings loading = training_batches(setup_);
  batches_ = make_feature_batches(setup_.train, setup_.features->extract("training", setup_.train, loading),
                                  loading, setup_.device);
  if (setup_.validation != nullptr) setup_.validation->use_features(*setup_.features);
}

}  // namespace xr::apps
