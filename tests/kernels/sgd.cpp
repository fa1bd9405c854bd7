#include "tests/reference/sgd.h"

#include <catch2/catch.hpp>
#include <limits>

#include "tests/kernels/cases.h"
#include "tests/kernels/harness.h"

using namespace xr;
using namespace xr::tests;
using kernels::SgdParams;

namespace {

void check_sgd(Backend& backend, const SgdParams& params, std::int64_t length) {
  const Shape shape{length};
  const Tensor before = random_normal(shape, 1), gradients = random_normal(shape, 2, 0, 0.3);
  Tensor buffer = random_normal(shape, 3), parameters = before;
  // The first step must not read the buffer.
  if (params.step == 1) buffer = Tensor(shape, std::numeric_limits<double>::quiet_NaN());
  const Tensor buffer_before = buffer;
  reference::sgd_step(params, parameters, gradients, buffer);
  const Operation operation{
      backend,
      fmt::format("sgd_step {} of {} with momentum {}, dampening {}, weight decay {}{}", params.step, length,
                  params.momentum, params.dampening, params.weight_decay,
                  params.nesterov ? ", nesterov" : ""),
      {{"gradients", gradients}},
      {{"parameters", {parameters, DType::f32, Arithmetic::elementwise}, Layout::contiguous, before},
       {"momentum_buffer",
        {buffer, DType::f32, Arithmetic::elementwise, 1, 1},
        Layout::contiguous,
        buffer_before}}};
  check_operation(operation, [&](Inputs in, Outputs out) {
    backend.run(kernels::SgdStep{
        .gradients = in[0], .parameters = out[0], .momentum_buffer = out[1], .params = params});
  });
}

}  // namespace

TEST_CASE("sgd step") {
  const SgdParams variants[] = {{0.1f},
                                {0.1f, 0.0f, 0.0f, 0.3f},
                                {0.1f, 0.9f},
                                {0.1f, 0.9f, 0.4f},
                                {0.1f, 0.9f, 0.0f, 0.3f, true},
                                {0.1f, 0.9f, 0.4f, 0.3f}};
  for (Backend* backend : test_backends())
    for (SgdParams params : variants)
      for (const std::int64_t step : {1, 2, 1000})
        for (const std::int64_t length : flat_lengths()) {
          params.step = step;
          check_sgd(*backend, params, length);
        }
}
