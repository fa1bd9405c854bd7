#include "model/features.h"

#include <algorithm>
#include <type_traits>

#include "engine/core/autograd.h"
#include "model/layers/dropout.h"
#include "model/sequential.h"

namespace xr::model {

namespace {

template <class Network>
auto& sequence_of(Network& network) {
  using Sequence = std::conditional_t<std::is_const_v<Network>, const Sequential, Sequential>;
  auto* sequence = dynamic_cast<Sequence*>(&network);
  XR_CHECK(sequence != nullptr, "a network that is not a sequence of modules has no features");
  return *sequence;
}

bool is_fixed(const Module& module) {
  const auto is_dropout = [](const Module* part) { return dynamic_cast<const Dropout*>(part) != nullptr; };
  return module.trainable_parameters().empty() && !is_dropout(&module) &&
         std::ranges::none_of(module.modules(),
                              [&](const NamedModule& below) { return is_dropout(below.module); });
}

}  // namespace

std::size_t feature_module_count(const Module& network) {
  const auto* sequence = dynamic_cast<const Sequential*>(&network);
  if (sequence == nullptr) return 0;
  const auto& parts = sequence->parts();
  const auto end =
      std::ranges::find_if(parts, [](const std::unique_ptr<Module>& part) { return !is_fixed(*part); });
  return static_cast<std::size_t>(end - parts.begin());
}

Shape feature_shape(const Module& network, std::size_t modules, const Shape& x) {
  Shape shape = x;
  for (std::size_t i = 0; i < modules; ++i) shape = sequence_of(network).parts()[i]->output_shape(shape);
  return shape;
}

std::vector<NamedTensor> leading_state(const Module& network, std::size_t modules) {
  std::size_t count = 0;  // a state lists modules in their order
  for (std::size_t i = 0; i < modules; ++i) count += sequence_of(network).parts()[i]->state().size();
  std::vector<NamedTensor> state = network.state();
  state.resize(count);
  return state;
}

FromFeatures::FromFeatures(Module& network, std::size_t modules)
    : network_(modules == 0 ? nullptr : &sequence_of(network)) {
  if (network_ != nullptr) network_->run_parts(modules, network_->parts().size());
}

FromFeatures::~FromFeatures() {
  if (network_ != nullptr) network_->run_parts(0, network_->parts().size());
}

Tensor compute_features(Module& network, std::size_t modules, const Tensor& images) {
  const engine::NoGradGuard no_grad;
  network.set_training(false);
  Sequential& sequence = sequence_of(network);
  sequence.run_parts(0, modules);
  try {
    Tensor features = network(images);
    sequence.run_parts(0, sequence.parts().size());
    return features;
  } catch (...) {
    sequence.run_parts(0, sequence.parts().size());
    throw;
  }
}

}  // namespace xr::model
