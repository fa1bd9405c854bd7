// What an epoch trains: the head alone, on features where they can be computed once, or everything.
#include <algorithm>
#include <set>

#include "apps/xrtrain/training/running_statistics.h"
#include "apps/xrtrain/training/trainer.h"

namespace xr::apps {

namespace {

model::TrainingStepSettings training_step_settings(const TrainingSetup& setup) {
  model::TrainingStepSettings settings;
  if (!setup.class_weights.empty())
    settings.class_weights =
        engine::Tensor::from_host(std::span<const float>(setup.class_weights),
                                  {static_cast<std::int64_t>(setup.class_weights.size())}, setup.device);
  settings.loss.label_smoothing = static_cast<float>(setup.options.label_smoothing);
  settings.capture = setup.options.cuda_graph;
  return settings;
}

std::unique_ptr<engine::Optimizer> make_optimizer(const TrainOptions& options,
                                                  engine::ParameterArena& arena) {
  if (options.optimizer == Optimizer::sgd) {
    kernels::SgdParams params;
    params.learning_rate = static_cast<float>(options.lr);
    params.momentum = static_cast<float>(options.momentum);
    params.weight_decay = static_cast<float>(options.weight_decay);
    return std::make_unique<engine::Sgd>(arena, params);
  }
  kernels::AdamParams params;
  params.learning_rate = static_cast<float>(options.lr);
  params.weight_decay = static_cast<float>(options.weight_decay);
  params.decoupled_weight_decay = options.optimizer == Optimizer::adamw;
  return std::make_unique<engine::Adam>(arena, params);
}

/// The head learns at --lr, all else at --lr-backbone.
void set_backbone_rate(const TrainingSetup& setup, engine::Optimizer& optimizer) {
  const TrainOptions& options = setup.options;
  if (options.lr_backbone <= 0 || options.lr <= 0) return;
  const std::set<std::string> head = model::head_parameters(setup.info.model);
  const auto factor = static_cast<float>(options.lr_backbone / options.lr);
  optimizer.set_learning_rate_factors(
      [&](const std::string& name) { return head.contains(name) ? 1.0f : factor; });
}

bool recomputes_statistics(const TrainingSetup& setup, std::int64_t steps) {
  switch (setup.options.recompute_statistics) {
    case RecomputeStatistics::yes:
      return true;
    case RecomputeStatistics::no:
      return false;
    case RecomputeStatistics::automatic:
      break;
  }
  // Networks that keep PyTorch's momentum and start at random are left as PyTorch trains them.
  const bool may = !setup.options.init.empty() || has_small_momentum(setup.network);
  return may && momentum_is_too_small(setup.network, steps);
}

}  // namespace

data::LoaderSettings training_batches(const TrainingSetup& setup) {
  data::LoaderSettings settings;
  settings.batch_size = static_cast<int>(setup.options.batch_size);
  settings.shuffle = true;
  settings.seed = static_cast<std::uint64_t>(setup.options.seed);
  settings.augment = setup.preprocessing.train_augment;
  settings.image_size = static_cast<int>(setup.options.image_size);
  settings.workers = static_cast<int>(setup.options.workers);
  return settings;
}

std::int64_t epoch_of_optimizer(const Progress& progress) {
  return progress.batch > 0 ? progress.epoch : std::max<std::int64_t>(0, progress.epoch - 1);
}

void Trainer::begin_phase(bool head_alone) {
  head_alone_ = head_alone;
  if (!head_alone) setup_.network.unfreeze();
  training_step_.reset();
  optimizer_.reset();
  arena_ = std::make_unique<engine::ParameterArena>(setup_.network.trainable_parameters());
  optimizer_ = make_optimizer(setup_.options, *arena_);
  training_step_ =
      std::make_unique<model::TrainingStep>(setup_.network, *arena_, training_step_settings(setup_));
  set_backbone_rate(setup_, *optimizer_);
  const auto steps = static_cast<std::int64_t>(batches_->batch_count());
  if (recomputes_statistics(setup_, steps)) {
    statistics_batches_ = BatchSource::make(setup_.train, training_batches(setup_), setup_.device);
    setup_.console.line(fmt::format(
        "Running statistics of batch norms are computed anew over the training images after each epoch: {} steps are "
        "too few for their momentum (--recompute-statistics)",
        steps));
  }
}

void Trainer::begin_epoch() {
  if (head_alone_ && !trains_head_alone(setup_.options, progress_.epoch)) {
    writer_.wait();  // it reads parameters and moments where they lie now
    weights_written_ = {};
    batches_ = BatchSource::make(setup_.train, training_batches(setup_), setup_.device);
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
