// What xrbench step repeats: a network on one batch of random images.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "apps/xrbench/step.h"

namespace xr::bench {

class StepWork {
 public:
  StepWork() = default;
  StepWork(const StepWork&) = delete;
  StepWork& operator=(const StepWork&) = delete;
  virtual ~StepWork() = default;

  /// Queues `count` steps and waits for the last. Returns the cross-entropy of each.
  virtual std::vector<float> run(int count) = 0;
  /// The network's state, the batch `input` and its `labels`, as safetensors.
  virtual void write_state(const std::string& path) const = 0;
  [[nodiscard]] virtual std::int64_t parameter_count() const = 0;
  /// Whether the latest step was a replay of recorded work.
  [[nodiscard]] virtual bool replayed() const { return false; }
};

/// With settings.inference the forward pass with folded batch norms, else training: forward, backward and Adam, the loss
/// being that before the update.
[[nodiscard]] std::unique_ptr<StepWork> make_step_work(const StepSettings& settings);

}  // namespace xr::bench
