#include "model/layers/conv2d.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "engine/ops/conv2d_max_pool2d.h"

namespace xr::model {

namespace {

Tensor initial_weights(Initializer& initializer, const Shape& filter, ConvolutionWeights weights) {
  const std::int64_t window = filter[2] * filter[3], fan_in = filter[1] * window,
                     fan_out = filter[0] * window;
  switch (weights) {
    case ConvolutionWeights::fan_in:
      return initializer.kaiming_normal(filter, fan_in);
    case ConvolutionWeights::fan_out:
      return initializer.kaiming_normal(filter, fan_out);
    case ConvolutionWeights::uniform:
      break;
  }
  return initializer.uniform(filter, fan_in);
}

}  // namespace

Conv2d::Conv2d(Initializer& initializer, std::int64_t in, std::int64_t out, const Conv2dOptions& options)
    : filter_{out, in / options.groups, options.kernel, options.kernel}, same_padding_(options.same_padding) {
  weight_ = register_parameter("weight", filter_, initial_weights(initializer, filter_, options.weights));
  if (options.bias)
    bias_ = register_parameter("bias", {out},
                               initializer.uniform({out}, filter_[1] * options.kernel * options.kernel));
  params_.stride_h = params_.stride_w = options.stride;
  params_.padding_h = params_.padding_w = options.padding;
  params_.groups = options.groups;
}

engine::Conv2dParams Conv2d::params_for(const Shape& x) const {
  engine::Conv2dParams params = params_;
  if (!same_padding_ || x.rank() != 4) return params;
  const auto all_padding = [](std::int64_t extent, std::int64_t kernel, std::int64_t stride) {
    const std::int64_t results = (extent + stride - 1) / stride;
    return std::max<std::int64_t>(0, (results - 1) * stride + kernel - extent);
  };
  const std::int64_t h = all_padding(x[2], filter_[2], params.stride_h),
                     w = all_padding(x[3], filter_[3], params.stride_w);
  params.padding_h = h / 2;
  params.padding_w = w / 2;
  params.extra_h = h % 2;
  params.extra_w = w % 2;
  return params;
}

Shape Conv2d::output_shape(const Shape& x) const {
  return engine::conv2d_shape(x, filter_, params_for(x));
}

void Conv2d::append_scale(std::span<const double> scale, std::span<const double> shift, bool relu) {
  static std::atomic<std::uint64_t> last_number{0};
  const auto channels = static_cast<std::size_t>(filter_[0]);
  XR_CHECK(scale.size() == channels && shift.size() == channels && !scaled_.filter.defined(),
           "a convolution of {} output channels takes as many scales once, not {}", channels, scale.size());
  std::vector<float> weight = weight_.to_host(), bias(channels);
  if (bias_.defined()) bias = bias_.to_host();
  const std::size_t inputs = weight.size() / channels;
  for (std::size_t i = 0; i < weight.size(); ++i)
    weight[i] = static_cast<float>(weight[i] * scale[i / inputs]);
  for (std::size_t i = 0; i < channels; ++i) bias[i] = static_cast<float>(bias[i] * scale[i] + shift[i]);
  const engine::Device device = weight_.device();
  scaled_ = {Tensor::from_host(std::span<const float>(weight), filter_, device),
             Tensor::from_host(std::span<const float>(bias), {filter_[0]}, device), ++last_number};
  relu_ = relu;
}

void Conv2d::append_max_pool() {
  XR_CHECK(scaled_.filter.defined() && relu_, "pooling follows a convolution with a scale and ReLU");
  max_pool_ = true;
}

Tensor Conv2d::forward_scaled(const Tensor& x, bool relu, const Tensor& residual) {
  XR_CHECK(!training(), "a network whose batch norms are folded cannot be trained");
  if (max_pool_) return engine::conv2d_relu_max_pool2d(x, scaled_, params_for(x.shape()));
  return engine::conv2d_constant(x, scaled_, params_for(x.shape()), relu, residual);
}

Tensor Conv2d::add_and_relu(const Tensor& x, const Tensor& residual) {
  XR_CHECK(scaled_.filter.defined() && !relu_, "a sum follows a convolution with a scale and without ReLU");
  return forward_scaled(x, true, residual);
}

Tensor Conv2d::forward(const Tensor& x) {
  if (scaled_.filter.defined()) return forward_scaled(x, relu_, {});
  return engine::conv2d(x, weight_, bias_, params_for(x.shape()));
}

}  // namespace xr::model
