#include "engine/train/optimizer.h"

namespace xr::engine {

namespace {

void check_learning_rate(float learning_rate) {
  XR_CHECK(learning_rate >= 0.0f, "the learning rate is {}, it must not be negative", learning_rate);
}

Tensor zeros_like_values(ParameterArena& arena) {
  return Tensor::zeros(arena.values().shape(), {DType::f32, arena.values().device(), Layout::contiguous});
}

}  // namespace

void Optimizer::step() {
  arena_.check_gradients();
  update(++steps_done_);
}

Sgd::Sgd(ParameterArena& arena, const kernels::SgdParams& params) : Optimizer(arena), params_(params) {
  check_learning_rate(params.learning_rate);
  XR_CHECK(!params.nesterov || (params.momentum > 0.0f && params.dampening == 0.0f),
           "Nesterov momentum needs a momentum above 0 and no dampening");
  if (params.momentum != 0.0f) momentum_ = zeros_like_values(arena);
}

std::vector<NamedTensor> Sgd::state() {
  if (!momentum_.defined()) return {};
  return {{"momentum", momentum_}};
}

void Sgd::update(std::int64_t step) {
  params_.step = step;
  arena_.values().backend().run(
      kernels::SgdStep{.gradients = arena_.gradients().view(),
                       .parameters = arena_.values().mutable_view(),
                       .momentum_buffer = momentum_.defined() ? momentum_.mutable_view() : View{},
                       .params = params_});
}

Adam::Adam(ParameterArena& arena, const kernels::AdamParams& params) : Optimizer(arena), params_(params) {
  check_learning_rate(params.learning_rate);
  XR_CHECK(params.beta1 >= 0.0f && params.beta1 < 1.0f && params.beta2 >= 0.0f && params.beta2 < 1.0f,
           "Adam's betas are {} and {}, they must be at least 0 and below 1", params.beta1, params.beta2);
  first_moment_ = zeros_like_values(arena);
  second_moment_ = zeros_like_values(arena);
}

std::vector<NamedTensor> Adam::state() {
  return {{"first_moment", first_moment_}, {"second_moment", second_moment_}};
}

void Adam::update(std::int64_t step) {
  params_.step = step;
  arena_.values().backend().run(kernels::AdamStep{.gradients = arena_.gradients().view(),
                                                  .parameters = arena_.values().mutable_view(),
                                                  .first_moment = first_moment_.mutable_view(),
                                                  .second_moment = second_moment_.mutable_view(),
                                                  .params = params_});
}

}  // namespace xr::engine
