// What the options of a training say of its loss and of its optimizer.
#pragma once

#include <memory>
#include <vector>

#include "apps/xrtrain/training/dataset.h"
#include "engine/train/optimizer.h"
#include "model/training_step.h"

namespace xr::apps {

/// --class-weights: a factor for each class, or for each label's positive targets; empty: all count the same.
[[nodiscard]] std::vector<float> loss_weights(const TrainOptions& options, const data::ImageSet& train,
                                              std::size_t classes);

[[nodiscard]] model::TrainingStepSettings training_step_settings(const TrainOptions& options,
                                                                 const std::vector<float>& class_weights,
                                                                 const kernels::Device& device);

/// --optimizer, --lr, --momentum, --weight-decay; the head at --lr and all else at --lr-backbone. The arena outlives it.
[[nodiscard]] std::unique_ptr<engine::Optimizer> make_optimizer(const TrainOptions& options,
                                                                const model::ModelSettings& settings,
                                                                engine::ParameterArena& arena);

}  // namespace xr::apps
