// PyTorch's Adam and AdamW.
#include "kernels/ops/adam.h"

#include <fmt/core.h>

#include <cmath>

#include "tests/ops/cases.h"
#include "tests/ops/operation.h"
#include "tests/ops/test_backends.h"
#include "tests/reference/adam.h"
#include "tests/reference/gradient_check.h"

namespace xr::tests {

namespace {

using kernels::AdamParams;
using reference::random_normal;

Call adam_step(std::int64_t length, const AdamParams& params) {
  return call_of({input("gradients", {length}), state("parameters", {length}),
                  state("first_moment", {length}), state("second_moment", {length}).drawn(Values::positive)},
                 [params](Views v) {
                   return kernels::AdamStep{.gradients = v[0],
                                            .parameters = v[1],
                                            .first_moment = v[2],
                                            .second_moment = v[3],
                                            .params = params};
                 })
      .with(fmt::format("step {}, weight decay {}{}", params.step, params.weight_decay,
                        params.decoupled_weight_decay ? " decoupled" : ""));
}

void check_step(const Checker& check, const AdamParams& params, std::int64_t length) {
  const Shape shape{length};
  const Tensor before = random_normal(shape, 1);
  Tensor gradients = random_normal(shape, 2, 0, 0.3), parameters = before;
  Tensor first(shape), second(shape);
  if (params.step > 1) {
    first = random_normal(shape, 3, 0, 0.1);
    second = random_normal(shape, 4, 0, 0.1);
    for (double& value : second.values) value = value * value + 1e-3;
    second = to_single(second);
  }
  // Adam divides by the gradient's own size: one that weight decay cancels would be nothing but rounding.
  for (std::int64_t i = 0; i < length; ++i)
    if (std::abs(gradients[i] + static_cast<double>(params.weight_decay) * before[i]) < 0.01)
      gradients[i] = 0.25;
  for (std::int64_t i = 2; i < length; i += 7) gradients[i] = first[i] = second[i] = 0;  // an unused weight
  const Tensor first_before = first, second_before = second;
  reference::adam_step(params, parameters, gradients, first, second);
  const auto expect = [](const Tensor& values, double magnitude = 0) {
    return Expected{values, DType::f32, Arithmetic::transcendental, 1, magnitude};
  };
  for (Backend* backend : test_backends())
    check(*backend,
          adam_step(length, params)
              .holds("gradients", gradients)
              .holds("parameters", before)
              .holds("first_moment", first_before)
              .holds("second_moment", second_before)
              .expects("parameters", expect(parameters, 1 + reference::root_mean_square(parameters)))
              .expects("first_moment", expect(first))
              .expects("second_moment", expect(second)));
}

struct ParamsCase {
  std::string name;
  AdamParams params;
};

void check_steps(const Checker& check, const ParamsCase& c) {
  for (const std::int64_t step : {1, 2, 1000, 1000000})
    for (const std::int64_t length : flat_lengths()) {
      AdamParams params = c.params;
      params.step = step;
      check_step(check, params, length);
    }
}

void add_benchmarks(Benchmarks& list) {
  list.add("report_cnn", adam_step(list.layers.parameters, {.step = 3}));
  list.add("report_cnn.adamw", adam_step(list.layers.parameters,
                                         {.weight_decay = 0.05f, .decoupled_weight_decay = true, .step = 3}));
}

}  // namespace

Operation describe_adam() {
  // The learning rate is large, so that the update is not lost in the tolerance of the parameter.
  const std::vector<ParamsCase> cases{
      {"plain", {.learning_rate = 1}},
      {"weight_decay", {.learning_rate = 1, .weight_decay = 0.1f}},
      {"decoupled_weight_decay", {.learning_rate = 1, .weight_decay = 0.1f, .decoupled_weight_decay = true}},
      {"other_betas_and_epsilon",
       {.learning_rate = 1, .beta1 = 0.5, .beta2 = 0.75, .epsilon = 0.1f, .weight_decay = 0.1f}}};
  return {
      .name = "adam", .checks = {checks_of("adam step", cases, check_steps)}, .benchmarks = add_benchmarks};
}

}  // namespace xr::tests
