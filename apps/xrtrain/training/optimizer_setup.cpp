#include "apps/xrtrain/training/optimizer_setup.h"

#include <set>
#include <span>

namespace xr::apps {

namespace {

std::unique_ptr<engine::Optimizer> optimizer_of(const TrainOptions& options, engine::ParameterArena& arena) {
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

}  // namespace

std::vector<float> loss_weights(const TrainOptions& options, const data::ImageSet& train,
                                std::size_t classes) {
  if (options.class_weights != ClassWeights::balanced) return {};
  return train.task() == data::Task::multi_label ? balanced_label_weights(train, classes)
                                                 : balanced_class_weights(train, classes);
}

model::TrainingStepSettings training_step_settings(const TrainOptions& options,
                                                   const std::vector<float>& class_weights,
                                                   const kernels::Device& device) {
  model::TrainingStepSettings settings;
  if (!class_weights.empty())
    settings.class_weights = engine::Tensor::from_host(
        std::span<const float>(class_weights), {static_cast<std::int64_t>(class_weights.size())}, device);
  settings.loss.label_smoothing = static_cast<float>(options.label_smoothing);
  settings.capture = options.cuda_graph;
  return settings;
}

std::unique_ptr<engine::Optimizer> make_optimizer(const TrainOptions& options,
                                                  const model::ModelSettings& settings,
                                                  engine::ParameterArena& arena) {
  std::unique_ptr<engine::Optimizer> optimizer = optimizer_of(options, arena);
  if (options.lr_backbone <= 0 || options.lr <= 0) return optimizer;
  const std::set<std::string> head = model::head_parameters(settings);
  const auto factor = static_cast<float>(options.lr_backbone / options.lr);
  optimizer->set_learning_rate_factors(
      [&](const std::string& name) { return head.contains(name) ? 1.0f : factor; });
  return optimizer;
}

}  // namespace xr::apps
