// Losses and logits of training steps on their way to the host: copied every few steps, and waited for only
// when the copy after that begins, so that the device never runs dry.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "data/loader/loader.h"
#include "model/training_step.h"

namespace xr::apps {

struct StepResult {
  std::int64_t step = 0;  ///< of the run, from 0
  float loss = 0;
  std::vector<std::int64_t> labels = {};
  std::vector<float> targets = {};  ///< (labels.size(), outputs), or empty
  std::vector<float> logits = {};   ///< (labels.size(), classes)

  [[nodiscard]] data::Truth truth() const { return {labels, targets}; }
};

class StepResults {
 public:
  /// For batches of up to `batch_size`; `interval` steps are copied at a time. With an interval of 1 each
  /// step is waited for.
  StepResults(const kernels::Device& device, std::int64_t batch_size, std::int64_t classes, int interval);

  /// Queues the results of a step behind it. Returns those that have arrived, in order.
  [[nodiscard]] std::vector<StepResult> add(std::int64_t step, const model::TrainingStep::Result& result,
                                            const data::Truth& truth);
  /// Waits for all that are on their way.
  [[nodiscard]] std::vector<StepResult> finish();

 private:
  /// Results that are copied together. Steps lie one after another, each its loss and then its logits.
  struct Group {
    engine::Tensor values;  // f32, on the device
    std::unique_ptr<kernels::HostCopy> copy;
    std::vector<StepResult> steps;  // without their numbers yet
    bool copying = false;
  };
  void start_copy(Group& group);
  void arrive(Group& group, std::vector<StepResult>& results);

  std::int64_t floats_per_step_, classes_;
  int interval_;
  std::array<Group, 2> groups_;
  std::size_t filling_ = 0;
};

}  // namespace xr::apps
