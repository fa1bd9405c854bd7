#include "model/fold_batch_norms.h"

#include <cmath>
#include <cstdint>
#include <map>

#include "engine/core/autograd.h"
#include "model/layers/batch_norm2d.h"
#include "model/layers/conv2d.h"

namespace xr::model {

namespace {

using engine::TracedOperation;
using State = const engine::TensorState*;

State state_of(const Tensor& tensor) {
  return tensor.defined() ? tensor.state().get() : nullptr;
}

/// The operations of the network, and who reads what.
struct Traced {
  explicit Traced(const engine::Trace& trace, const Tensor& output) {
    ++readers[state_of(output)];
    for (const TracedOperation& operation : trace.operations()) {
      for (const Tensor& input : operation.inputs) ++readers[state_of(input)];
      makers[state_of(operation.output)] = &operation;
    }
  }
  std::map<State, int> readers;
  std::map<State, const TracedOperation*> makers;
};

/// The modules of a kind by their weight.
template <class Layer, class WeightOf>
std::map<State, Layer*> layers_by_weight(const Module& network, WeightOf&& weight_of) {
  std::map<State, Layer*> result;
  for (const NamedModule& named : network.modules())
    if (auto* const layer = dynamic_cast<Layer*>(named.module)) result[state_of(weight_of(*layer))] = layer;
  return result;
}

template <class Layer>
Layer* layer_of(const std::map<State, Layer*>& layers, const Tensor& weight) {
  const auto found = layers.find(state_of(weight));
  return found == layers.end() ? nullptr : found->second;
}

ScaleAndShift scale_and_shift_of(const BatchNorm2d& norm) {
  const engine::BatchNorm2dState& s = norm.statistics();
  return scale_and_shift(s.gamma.to_host(), s.beta.to_host(), s.running_mean.to_host(),
                         s.running_var.to_host(), s.params.epsilon);
}

}  // namespace

ScaleAndShift scale_and_shift(std::span<const float> weight, std::span<const float> bias,
                              std::span<const float> running_mean, std::span<const float> running_var,
                              float epsilon) {
  ScaleAndShift result;
  for (std::size_t c = 0; c < weight.size(); ++c) {
    const double scale = weight[c] / std::sqrt(static_cast<double>(running_var[c]) + epsilon);
    result.scale.push_back(scale);
    result.shift.push_back(bias[c] - running_mean[c] * scale);
  }
  return result;
}

int fold_batch_norms(Module& network, const Shape& image) {
  XR_CHECK(image.rank() == 3, "an image is (channels, height, width), not {}", image.to_string());
  network.set_training(false);
  const std::vector<NamedTensor> state = network.state();
  if (state.empty()) return 0;
  const engine::NoGradGuard no_grad;
  const engine::Trace trace;
  const Tensor output =
      network(Tensor::zeros({1, image[0], image[1], image[2]}, {.device = state.front().tensor.device()}));
  const Traced traced(trace, output);
  const auto convolutions =
      layers_by_weight<Conv2d>(network, [](const Conv2d& layer) { return layer.weight(); });
  const auto norms = layers_by_weight<BatchNorm2d>(
      network, [](const BatchNorm2d& layer) { return layer.statistics().gamma; });
  int folded = 0;
  for (const TracedOperation& operation : trace.operations()) {
    if (operation.name != "batch_norm2d") continue;
    const State input = state_of(operation.inputs[0]);
    const auto maker = traced.makers.find(input);
    if (maker == traced.makers.end() || maker->second->name != "conv2d" || traced.readers.at(input) != 1)
      continue;
    const Tensor &weight = maker->second->inputs[1], &gamma = operation.inputs[1];
    Conv2d* const convolution = layer_of(convolutions, weight);
    BatchNorm2d* const norm = layer_of(norms, gamma);
    // A layer that a network runs twice has the same weights in both places, and may meet two others.
    if (convolution == nullptr || norm == nullptr || traced.readers.at(state_of(weight)) != 1 ||
        traced.readers.at(state_of(gamma)) != 1)
      continue;
    const ScaleAndShift of_norm = scale_and_shift_of(*norm);
    convolution->append_scale(of_norm.scale, of_norm.shift, norm->has_relu());
    if (norm->has_max_pool()) convolution->append_max_pool();
    norm->set_folded();
    ++folded;
  }
  return folded;
}

}  // namespace xr::model
