#include "model/training_step.h"

#include <array>
#include <span>

#include "engine/ops/cast.h"

namespace xr::model {

TrainingStep::TrainingStep(Module& network, engine::ParameterArena& arena, TrainingStepSettings settings)
    : network_(network),
      arena_(arena),
      settings_(std::move(settings)),
      can_capture_(settings_.capture && engine::can_capture(arena.values().device())) {
  if (!can_capture_) return;
  const std::array<std::int64_t, 1> zero{0};
  mask_offset_ = Tensor::from_host(std::span<const std::int64_t>(zero), {1}, arena.values().device());
  network_.take_mask_offset_from(mask_offset_);
}

TrainingStep::~TrainingStep() {
  if (can_capture_) network_.take_mask_offset_from({});
}

void TrainingStep::run_operations(const Tensor& images, const Tensor& labels,
                                  const std::function<void()>& make_images) {
  if (make_images) make_images();
  arena_.zero_grad();
  result_.logits = engine::cast(network_.forward(images), engine::DType::f32);
  result_.loss = engine::cross_entropy(result_.logits, labels, settings_.class_weights, settings_.loss);
  result_.loss.backward();
}

const TrainingStep::Result& TrainingStep::run(std::int64_t step, const Tensor& images, const Tensor& labels,
                                              const std::function<void()>& make_images) {
  replayed_ = false;
  network_.set_step(step);
  if (can_capture_) {
    const std::int64_t offset = Module::mask_offset(step);
    mask_offset_.backend().copy_from_host(mask_offset_.mutable_view().data, &offset, sizeof offset);
  }
  const Place place{images.view().data, labels.view().data, images.shape()};
  if (!can_capture_ || first_ != place) {
    run_operations(images, labels, make_images);
    // The next one at this place is recorded: memory and workspaces are there. A smaller batch came first
    // where training goes on with the last one of an epoch.
    if (!first_ || (!captured_ && place.shape[0] > first_->shape[0])) first_ = place;
    return result_;
  }
  replayed_ = true;
  if (captured_) {
    network_.count_replay();
  } else {
    // Its memory serves the recording, too.
    result_ = {};
    captured_.emplace(images.device(), [&] { run_operations(images, labels, make_images); });
    captured_result_ = result_;
  }
  captured_->replay();
  result_ = captured_result_;
  return result_;
}

}  // namespace xr::model
