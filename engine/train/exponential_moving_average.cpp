#include "engine/train/exponential_moving_average.h"

#include <algorithm>

#include "kernels/backend.h"

namespace xr::engine {

namespace {

void copy_elements(Tensor& to, const Tensor& from) {
  to.backend().copy(to.mutable_view().data, from.view().data, from.view().bytes());
}

}  // namespace

ExponentialMovingAverage::ExponentialMovingAverage(ParameterArena& arena, double decay)
    : arena_(arena), decay_(decay), values_(arena.values().clone()) {
  XR_CHECK(decay > 0.0 && decay < 1.0, "the decay of an average is {}, it must lie between 0 and 1", decay);
}

double ExponentialMovingAverage::decay_at(std::int64_t step) const {
  const auto t = static_cast<double>(step);
  return std::min(decay_, (1.0 + t) / (10.0 + t));
}

void ExponentialMovingAverage::update(std::int64_t step) {
  const double decay = decay_at(step);
  kernels::Backend& backend = values_.backend();
  const View average = values_.mutable_view();
  backend.run(kernels::Scale{.x = average, .y = average, .factor = static_cast<float>(decay)});
  backend.run(kernels::Scale{.x = arena_.values().view(),
                             .y = average,
                             .factor = static_cast<float>(1.0 - decay),
                             .write = GradientWrite::accumulate});
}

void ExponentialMovingAverage::exchange() {
  Tensor &parameters = arena_.values(), &spare = arena_.gradients();
  copy_elements(spare, parameters);
  copy_elements(parameters, values_);
  copy_elements(values_, spare);
}

std::vector<NamedTensor> ExponentialMovingAverage::state() const {
  return in_place_of_parameters(arena_.parameters());
}

std::vector<NamedTensor> ExponentialMovingAverage::in_place_of_parameters(
    std::vector<NamedTensor> network) const {
  const auto parameters = arena_.values().state()->storage;
  for (NamedTensor& entry : network) {
    const TensorState& state = *entry.tensor.state();
    if (state.storage == parameters)
      entry.tensor = Tensor::on_storage(values_.state()->storage, state.offset, state.shape);
  }
  return network;
}

}  // namespace xr::engine
