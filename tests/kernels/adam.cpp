#include "tests/reference/adam.h"

#include <catch2/catch.hpp>

#include "tests/kernels/cases.h"
#include "tests/kernels/harness.h"

using namespace xr;
using namespace xr::tests;
using kernels::AdamParams;

namespace {

void check_adam(Backend& backend, const AdamParams& params, std::int64_t length) {
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
  const Operation operation{
      backend,
      fmt::format("adam_step {} of {} with weight decay {}{}", params.step, length, params.weight_decay,
                  params.decoupled_weight_decay ? " decoupled" : ""),
      {{"gradients", gradients}},
      {{"parameters", expect(parameters, 1 + reference::root_mean_square(parameters)), Layout::contiguous,
        before},
       {"first_moment", expect(first), Layout::contiguous, first_before},
       {"second_moment", expect(second), Layout::contiguous, second_before}}};
  check_operation(operation, [&](Inputs in, Outputs out) {
    backend.run(kernels::AdamStep{.gradients = in[0],
                                  .parameters = out[0],
                                  .first_moment = out[1],
                                  .second_moment = out[2],
                                  .params = params});
  });
}

}  // namespace

TEST_CASE("adam step") {
  // The learning rate is large, so that the update is not lost in the tolerance of the parameter.
  AdamParams plain, decayed, decoupled, other;
  plain.learning_rate = 1;
  decayed.learning_rate = 1;
  decayed.weight_decay = 0.1f;
  decoupled = decayed;
  decoupled.decoupled_weight_decay = true;
  other = decayed;
  other.beta1 = 0.5f;
  other.beta2 = 0.75f;
  other.epsilon = 0.1f;
  for (Backend* backend : test_backends())
    for (AdamParams params : {plain, decayed, decoupled, other})
      for (const std::int64_t step : {1, 2, 1000, 1000000})
        for (const std::int64_t length : flat_lengths()) {
          params.step = step;
          check_adam(*backend, params, length);
        }
}
