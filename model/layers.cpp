#include "model/layers.h"

#include <array>
#include <cmath>
#include <span>
#include <vector>

#include "engine/ops/dropout.h"
#include "engine/ops/linear.h"
#include "engine/train/initialize.h"
#include "kernels/common/random.h"

namespace xr::model {

using engine::Device;
using engine::DType;
using engine::Layout;
using engine::Shape;

Tensor Initializer::uniform(const Shape& shape, std::int64_t fan_in) {
  Tensor tensor = Tensor::empty(shape, {DType::f32, device, Layout::contiguous});
  const float bound = 1.0f / std::sqrt(static_cast<float>(fan_in));
  engine::fill_uniform(tensor, -bound, bound, seed, stream_of(RandomPurpose::initial_weights, next_stream++));
  return tensor;
}

Tensor Initializer::kaiming_normal(const Shape& shape, std::int64_t fan_out) {
  Philox random(seed, stream_of(RandomPurpose::initial_weights, next_stream++));
  const float deviation = std::sqrt(2.0f / static_cast<float>(fan_out));
  std::vector<float> values(static_cast<std::size_t>(shape.numel()));
  for (float& value : values) value = deviation * random.normal();
  return Tensor::from_host(std::span<const float>(values), shape, device);
}

Conv2d::Conv2d(Initializer& initializer, std::int64_t in, std::int64_t out, const Conv2dOptions& options) {
  const Shape shape{out, in, options.kernel, options.kernel};
  const std::int64_t window = options.kernel * options.kernel;
  weight_ =
      register_parameter("weight", options.kaiming_normal ? initializer.kaiming_normal(shape, out * window)
                                                          : initializer.uniform(shape, in * window));
  if (options.bias) bias_ = register_parameter("bias", initializer.uniform({out}, in * window));
  params_.stride_h = params_.stride_w = options.stride;
  params_.padding_h = params_.padding_w = options.padding;
}

Tensor Conv2d::forward(const Tensor& x) {
  return observed(engine::conv2d(x, weight_, bias_, params_));
}

BatchNorm2d::BatchNorm2d(const Device& device, std::int64_t channels) {
  const engine::TensorOptions options{DType::f32, device, Layout::contiguous};
  state_.gamma = register_parameter("weight", Tensor::full({channels}, 1.0f, options));
  state_.beta = register_parameter("bias", Tensor::zeros({channels}, options));
  state_.running_mean = register_buffer("running_mean", Tensor::zeros({channels}, options));
  state_.running_var = register_buffer("running_var", Tensor::full({channels}, 1.0f, options));
  const std::array<std::int64_t, 1> zero{0};
  num_batches_tracked_ =
      register_buffer("num_batches_tracked", Tensor::from_host(std::span<const std::int64_t>(zero), {}));
}

void BatchNorm2d::count_batch() {
  if (!training()) return;
  const std::int64_t count = num_batches_tracked_.to_host_i64().front() + 1;
  num_batches_tracked_.backend().copy_from_host(num_batches_tracked_.mutable_view().data, &count,
                                                sizeof count);
}

Tensor BatchNorm2d::forward(const Tensor& x) {
  count_batch();
  return observed(engine::batch_norm2d(x, state_, training()));
}

Tensor BatchNorm2d::forward_relu(const Tensor& x, bool pool) {
  count_batch();
  return observed(engine::batch_norm2d_relu(x, state_, training(), pool));
}

Linear::Linear(Initializer& initializer, std::int64_t in, std::int64_t out) {
  weight_ = register_parameter("weight", initializer.uniform({out, in}, in));
  bias_ = register_parameter("bias", initializer.uniform({out}, in));
}

Tensor Linear::forward(const Tensor& x) {
  return observed(engine::linear(x, weight_, bias_));
}

Dropout::Dropout(Initializer& initializer, float probability)
    : probability_(probability), seed_(initializer.seed), layer_(initializer.next_stream++) {}

Tensor Dropout::forward(const Tensor& x) {
  if (!training() || probability_ == 0.0f) return observed(x);
  engine::DropoutParams params;
  params.probability = probability_;
  params.seed = seed_;
  params.stream = stream_of(RandomPurpose::dropout, layer_);
  if (offset_on_device().defined())
    params.offset_on_device = offset_on_device().view().as<std::uint64_t>();
  else
    params.offset = static_cast<std::uint64_t>(mask_offset(step()));
  return observed(engine::dropout(x, params));
}

}  // namespace xr::model
