#pragma once

#include "engine/ops/channel_stack.h"
#include "model/initializer.h"
#include "model/module.h"

namespace xr::model {

/// What follows the normalisation in the same module, in one operation where the backend has it.
struct BatchNorm2dOptions {
  bool relu = false;
  bool max_pool = false;  ///< 2x2, after the ReLU
  bool relu6 = false;     ///< instead of the ReLU, without pooling
  engine::BatchNormParams params = {};
};

/// weight, bias, running_mean, running_var (C) and num_batches_tracked
class BatchNorm2d final : public Module {
 public:
  BatchNorm2d(const Initializer& initializer, std::int64_t channels, const BatchNorm2dOptions& options = {});
  [[nodiscard]] Shape output_shape(const Shape& x) const override;
  [[nodiscard]] const engine::BatchNorm2dState& statistics() const { return state_; }
  [[nodiscard]] bool has_relu() const { return options_.relu; }
  [[nodiscard]] bool has_max_pool() const { return options_.max_pool; }
  /// From now on the convolution before it does its work, its ReLU and its pooling; only the ReLU6 is left.
  void set_folded() { folded_ = true; }
  [[nodiscard]] bool folded() const { return folded_; }

  /// Of the channels in a stack, with ReLU: what forward makes of them in a tensor of their own. Not seen by an observer.
  [[nodiscard]] Tensor normalise(const engine::ChannelStack& stack);

  /// What a batch weighs in the running statistics.
  [[nodiscard]] float momentum() const { return options_.params.momentum; }

 private:
  [[nodiscard]] Tensor forward(const Tensor& x) override;
  void begin_forward();  // momentum and the count of batches
  std::int64_t channels_;
  BatchNorm2dOptions options_;
  engine::BatchNorm2dState state_;
  bool folded_ = false;
  Tensor num_batches_tracked_;  // i64 on the host: nothing on the device needs it
};

}  // namespace xr::model
