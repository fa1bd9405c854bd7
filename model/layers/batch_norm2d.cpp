#include "model/layers/batch_norm2d.h"

#include <array>
#include <span>

#include "engine/ops/relu6.h"
#include "kernels/common/error_codes.h"

namespace xr::model {

BatchNorm2d::BatchNorm2d(const Initializer& initializer, std::int64_t channels,
                         const BatchNorm2dOptions& options)
    : channels_(channels), options_(options) {
  XR_CHECK(options.relu || !options.max_pool, "batch norm: pooling follows the ReLU");
  XR_CHECK(!options.relu6 || !options.relu, "batch norm: ReLU6 takes the place of the ReLU");
  state_.params = options.params;
  state_.gamma = register_parameter("weight", {channels}, initializer.constant({channels}, 1.0f));
  state_.beta = register_parameter("bias", {channels}, initializer.constant({channels}, 0.0f));
  state_.running_mean = register_buffer("running_mean", initializer.constant({channels}, 0.0f));
  state_.running_var = register_buffer("running_var", initializer.constant({channels}, 1.0f));
  const std::array<std::int64_t, 1> zero{0};
  num_batches_tracked_ =
      register_buffer("num_batches_tracked", Tensor::from_host(std::span<const std::int64_t>(zero), {}));
}

Shape BatchNorm2d::output_shape(const Shape& x) const {
  XR_CHECK((x.rank() == 4 || x.rank() == 2) && x[1] == channels_,
           "batch norm over {} channels takes (N, {}, H, W) or (N, {}), not {}", channels_, channels_,
           channels_, x.to_string());
  XR_CHECK_CODE(!training() || x.numel() / channels_ > 1, error_code::batch_too_small,
                "batch norm: training needs more than one value per channel, not an input of shape {}",
                x.to_string());
  if (!options_.max_pool) return x;
  XR_CHECK_CODE(x.rank() == 4 && x[2] >= 2 && x[3] >= 2, error_code::image_too_small,
                "batch norm: an input of shape {} is too small for 2x2 pooling", x.to_string());
  return {x[0], x[1], x[2] / 2, x[3] / 2};
}

void BatchNorm2d::begin_forward() {
  const std::optional<float> momentum = context().batch_norm_momentum;
  state_.params.momentum = momentum.value_or(options_.params.momentum);
  if (training() && !momentum)
    context().do_on_host([this] {
      const std::int64_t count = num_batches_tracked_.to_host_i64().front() + 1;
      num_batches_tracked_.backend().copy_from_host(num_batches_tracked_.mutable_view().data, &count,
                                                    sizeof count);
    });
}

Tensor BatchNorm2d::normalise(const engine::ChannelStack& stack) {
  XR_CHECK(options_.relu && !options_.max_pool && !folded_,
           "batch norm: of a stack of channels only with ReLU alone after it");
  begin_forward();
  return stack.batch_norm2d_relu(state_, training());
}

Tensor BatchNorm2d::forward(const Tensor& x) {
  if (folded_) return options_.relu6 ? engine::relu6(x) : x;
  begin_forward();
  if (options_.relu6) return engine::batch_norm2d_relu6(x, state_, training());
  return options_.relu ? engine::batch_norm2d_relu(x, state_, training(), options_.max_pool)
                       : engine::batch_norm2d(x, state_, training());
}

}  // namespace xr::model
