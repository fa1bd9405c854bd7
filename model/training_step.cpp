#include "model/training_step.h"

#include <array>
#include <span>

#include "engine/ops/binary_cross_entropy_with_logits.h"
#include "engine/ops/cast.h"

namespace xr::model {

TrainingStep::TrainingStep(Module& network, engine::ParameterArena& arena, TrainingStepSettings settings)
    : network_(network),
      arena_(arena),
      settings_(std::move(settings)),
      can_capture_(settings_.capture && engine::can_capture(arena.values().device())) {
  if (!can_capture_) return;
  const std::array<std::int64_t, 1> zero{0};
  mask_number_ = Tensor::from_host(std::span<const std::int64_t>(zero), {1}, arena.values().device());
  network_.context().mask_number = mask_number_;
}

TrainingStep::~TrainingStep() {
  if (can_capture_) network_.context().mask_number = {};
}

void TrainingStep::run_operations(const Tensor& images, const Tensor& labels,
                                  const std::function<void()>& make_images, const Tensor& loss_gradient) {
  if (make_images) make_images();
  arena_.zero_grad();
  result_.logits = engine::cast(network_(images), engine::DType::f32);
  result_.loss =
      labels.dtype() == engine::DType::f32
          ? engine::binary_cross_entropy_with_logits(result_.logits, labels, settings_.class_weights)
          : engine::cross_entropy(result_.logits, labels, settings_.class_weights, settings_.loss);
  result_.loss.backward(loss_gradient);
}

void TrainingStep::record_operations(const Tensor& images, const Tensor& labels,
                                     const std::function<void()>& make_images) {
  Context& context = network_.context();
  host_work_.clear();
  context.recorded_host_work = &host_work_;
  try {
    run_operations(images, labels, make_images, {});
  } catch (...) {
    context.recorded_host_work = nullptr;
    throw;
  }
  context.recorded_host_work = nullptr;
}

const TrainingStep::Result& TrainingStep::run(std::int64_t step, const Tensor& images, const Tensor& labels,
                                              const std::function<void()>& make_images,
                                              const Tensor& loss_gradient) {
  XR_CHECK(!can_capture_ || !loss_gradient.defined(), "a captured training step has no gradient of the loss");
  replayed_ = false;
  network_.set_step(step);
  if (can_capture_) {
    const std::int64_t offset = Context::first_mask_number(step);
    mask_number_.backend().copy_from_host(mask_number_.mutable_view().data, &offset, sizeof offset);
  }
  const Place place{images.view().data, labels.view().data, images.shape()};
  if (!can_capture_ || first_ != place) {
    run_operations(images, labels, make_images, loss_gradient);
    // The next one at this place is recorded: memory and workspaces are there. A smaller batch came first
    // where training goes on with the last one of an epoch.
    if (!first_ || (!captured_ && place.shape[0] > first_->shape[0])) first_ = place;
    return result_;
  }
  replayed_ = true;
  if (captured_) {
    for (const auto& work : host_work_) work();
  } else {
    // Its memory serves the recording, too.
    result_ = {};
    captured_.emplace(images.device(), [&] { record_operations(images, labels, make_images); });
    captured_result_ = result_;
  }
  captured_->replay();
  result_ = captured_result_;
  return result_;
}

}  // namespace xr::model
