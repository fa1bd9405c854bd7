// What a training step does on the device before the optimizer: forward, cross-entropy (of classes, or binary of
// labels), backward. Where the
// device can, it is recorded once and replayed (a CUDA graph); the numbers are the same.
#pragma once

#include <functional>
#include <optional>

#include "engine/core/captured_work.h"
#include "engine/ops/cross_entropy.h"
#include "engine/train/parameter.h"
#include "model/module.h"

namespace xr::model {

struct TrainingStepSettings {
  /// (classes) or undefined: the factor of each class, or, of targets, of each label's positive ones.
  Tensor class_weights = {};
  engine::CrossEntropyParams loss = {};  ///< of classes
  bool capture = true;                   ///< record and replay, if the device can
};

class TrainingStep {
 public:
  /// Network and arena outlive it; the arena holds the network's parameters.
  TrainingStep(Module& network, engine::ParameterArena& arena, TrainingStepSettings settings);
  ~TrainingStep();
  TrainingStep(const TrainingStep&) = delete;
  TrainingStep& operator=(const TrainingStep&) = delete;

  /// Both f32 and valid until the next step; nothing has waited for the device.
  struct Result {
    Tensor loss;    ///< rank 0: the mean over the batch, of targets over the known ones
    Tensor logits;  ///< (N, classes)
  };

  /// Overwrites all gradients. `step` counts from 0 and chooses the dropout masks. images (N, C, H, W),
  /// labels i64 (N): classes; or f32 (N, labels): targets, NaN where unknown. `make_images`, if given, fills images on the device and is a part of the recorded work.
  /// Replayed are steps whose tensors lie where those of the second call lay and have its shape; others run
  /// one operation after another.
  /// `loss_gradient` (rank 0), if defined, takes the place of the 1 that backward begins with: the share of this loss
  /// in one that several steps make up. Not with `capture`.
  const Result& run(std::int64_t step, const Tensor& images, const Tensor& labels,
                    const std::function<void()>& make_images = {}, const Tensor& loss_gradient = {});

  /// Whether the latest step was a replay.
  [[nodiscard]] bool replayed() const { return replayed_; }

 private:
  /// Where the operands of a step lie.
  struct Place {
    const void *images, *labels;
    engine::Shape shape;
    friend bool operator==(const Place&, const Place&) = default;
  };
  void run_operations(const Tensor& images, const Tensor& labels, const std::function<void()>& make_images,
                      const Tensor& loss_gradient);
  void record_operations(const Tensor& images, const Tensor& labels,
                         const std::function<void()>& make_images);

  Module& network_;
  engine::ParameterArena& arena_;
  TrainingStepSettings settings_;
  bool can_capture_;
  Tensor mask_number_;  // i64 (1) on the device
  std::optional<Place> first_;
  std::optional<engine::CapturedWork> captured_;
  HostWork host_work_;  // of a captured step, once per replay
  Result result_, captured_result_;
  bool replayed_ = false;
};

}  // namespace xr::model
