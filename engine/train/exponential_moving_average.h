// An exponential moving average of the parameters in an arena (Polyak averaging), as torch.optim.swa_utils.AveragedModel
// with get_ema_multi_avg_fn and timm's ModelEmaV2 keep it.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/train/parameter.h"

namespace xr::engine {

class ExponentialMovingAverage {
 public:
  /// Starts as a copy of the parameters. The arena outlives it. Throws Error unless 0 < decay < 1.
  ExponentialMovingAverage(ParameterArena& arena, double decay);
  ExponentialMovingAverage(const ExponentialMovingAverage&) = delete;
  ExponentialMovingAverage& operator=(const ExponentialMovingAverage&) = delete;

  /// The decay of the update after optimizer step t, counted from 1: min(decay, (1 + t) / (10 + t)). The average thereby
  /// forgets the initial weights within some steps (tf.train.ExponentialMovingAverage with num_updates).
  [[nodiscard]] double decay_at(std::int64_t step) const;

  /// To be called after each optimizer step t: average = d average + (1 - d) parameters, with d = decay_at(t).
  /// 5 passes over memory of the parameters' size, in 2 launches.
  void update(std::int64_t step);

  /// Exchanges the contents of parameters and average: once to compute with the average, once more to go on training.
  /// The gradients are overwritten.
  void exchange();

  /// The averages under the names of the parameters.
  [[nodiscard]] std::vector<NamedTensor> state() const;
  /// `network` (Module::state()) with the average in the place of each parameter of the arena.
  [[nodiscard]] std::vector<NamedTensor> in_place_of_parameters(std::vector<NamedTensor> network) const;

 private:
  ParameterArena& arena_;
  double decay_;
  Tensor values_;  // flat, as the arena's
};

}  // namespace xr::engine
