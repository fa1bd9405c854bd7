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

Optimizer::Optimizer(ParameterArena& arena) : arena_(arena), runs_{{0, arena.values().numel(), 1.0f}} {}

void Optimizer::step() {
  arena_.check_gradients();
  ++steps_done_;
  for (const Run& run : runs_) update(steps_done_, run);
}

void Optimizer::set_learning_rate_factors(const std::function<float(const std::string&)>& factor_of) {
  runs_.clear();
  for (std::size_t i = 0; i < arena_.parameters().size(); ++i) {
    const float factor = factor_of(arena_.parameters()[i].name);
    XR_CHECK(factor >= 0.0f, "the factor of a learning rate is {}, it must not be negative", factor);
    const std::int64_t begin = arena_.offset(i), end = arena_.offset(i + 1);
    if (!runs_.empty() && runs_.back().factor == factor)
      runs_.back().count = end - runs_.back().begin;
    else
      runs_.push_back({begin, end - begin, factor});
  }
}

kernels::View Optimizer::Run::of(Tensor& flat) const {
  kernels::View view = flat.mutable_view();
  view.data = view.as<float>() + begin;
  view.shape = {count};
  return view;
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

void Sgd::update(std::int64_t step, const Run& run) {
  kernels::SgdParams params = params_;
  params.step = step;
  params.learning_rate *= run.factor;
  arena_.values().backend().run(
      kernels::SgdStep{.gradients = run.of(arena_.gradients()),
                       .parameters = run.of(arena_.values()),
                       .momentum_buffer = momentum_.defined() ? run.of(momentum_) : View{},
                       .params = params});
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

void Adam::update(std::int64_t step, const Run& run) {
  kernels::AdamParams params = params_;
  params.step = step;
  params.learning_rate *= run.factor;
  arena_.values().backend().run(kernels::AdamStep{.gradients = run.of(arena_.gradients()),
                                                  .parameters = run.of(arena_.values()),
                                                  .first_moment = run.of(first_moment_),
                                                  .second_moment = run.of(second_moment_),
                                                  .params = params});
}

}  // namespace xr::engine
