// PyTorch's SGD.
#include "kernels/ops/sgd.h"

#include <fmt/core.h>

#include <limits>

#include "tests/ops/cases.h"
#include "tests/ops/operation.h"
#include "tests/ops/test_backends.h"
#include "tests/reference/gradient_check.h"
#include "tests/reference/sgd.h"

namespace xr::tests {

namespace {

using kernels::SgdParams;
using reference::random_normal;

Call sgd_step(std::int64_t length, const SgdParams& params) {
  return call_of({input("gradients", {length}), state("parameters", {length}),
                  state("momentum_buffer", {length})},
                 [params](Views v) {
                   return kernels::SgdStep{
                       .gradients = v[0], .parameters = v[1], .momentum_buffer = v[2], .params = params};
                 })
      .with(fmt::format("step {}, momentum {}, dampening {}, weight decay {}{}", params.step, params.momentum,
                        params.dampening, params.weight_decay, params.nesterov ? ", nesterov" : ""));
}

void check_step(const Checker& check, const SgdParams& params, std::int64_t length) {
  const Shape shape{length};
  const Tensor before = random_normal(shape, 1), gradients = random_normal(shape, 2, 0, 0.3);
  Tensor buffer = random_normal(shape, 3), parameters = before;
  // The first step must not read the buffer.
  if (params.step == 1) buffer = Tensor(shape, std::numeric_limits<double>::quiet_NaN());
  const Tensor buffer_before = buffer;
  reference::sgd_step(params, parameters, gradients, buffer);
  for (Backend* backend : test_backends())
    check(*backend, sgd_step(length, params)
                        .holds("gradients", gradients)
                        .holds("parameters", before)
                        .holds("momentum_buffer", buffer_before)
                        .expects("parameters", {parameters, DType::f32, Arithmetic::elementwise})
                        .expects("momentum_buffer", {buffer, DType::f32, Arithmetic::elementwise, 1, 1}));
}

struct ParamsCase {
  std::string name;
  SgdParams params;
};

void check_steps(const Checker& check, const ParamsCase& c) {
  for (const std::int64_t step : {1, 2, 1000})
    for (const std::int64_t length : flat_lengths()) {
      SgdParams params = c.params;
      params.step = step;
      check_step(check, params, length);
    }
}

void add_benchmarks(Benchmarks& list) {
  list.add("report_cnn", sgd_step(list.layers.parameters, {.momentum = 0.9f, .step = 3}));
}

}  // namespace

Operation describe_sgd() {
  const std::vector<ParamsCase> cases{
      {"plain", {.learning_rate = 0.1f}},
      {"weight_decay", {.learning_rate = 0.1f, .weight_decay = 0.3f}},
      {"momentum", {.learning_rate = 0.1f, .momentum = 0.9f}},
      {"dampening", {.learning_rate = 0.1f, .momentum = 0.9f, .dampening = 0.4f}},
      {"nesterov", {.learning_rate = 0.1f, .momentum = 0.9f, .weight_decay = 0.3f, .nesterov = true}},
      {"all_but_nesterov",
       {.learning_rate = 0.1f, .momentum = 0.9f, .dampening = 0.4f, .weight_decay = 0.3f}}};
  return {.name = "sgd", .checks = {checks_of("sgd step", cases, check_steps)}, .benchmarks = add_benchmarks};
}

}  // namespace xr::tests
