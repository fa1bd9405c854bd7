#include <catch2/catch.hpp>

#include "tests/reference/adam.h"
#include "tests/reference/sgd.h"

using namespace xr::reference;

namespace {

/// Three steps from (1, -2, 1/2) with the gradients (1/2 + t, -1/4, 2 - t), t = 0, 1, 2.
template <class Step>
Tensor three_steps(Step&& step) {
  Tensor parameters({3}, {1, -2, 0.5}), first(Shape{3}), second(Shape{3});
  for (int t = 0; t < 3; ++t) step(t + 1, parameters, Tensor({3}, {0.5 + t, -0.25, 2. - t}), first, second);
  return parameters;
}

Tensor three_sgd_steps(SgdParams params) {
  return three_steps([&](int number, Tensor& parameters, const Tensor& gradients, Tensor& first, Tensor&) {
    params.step = number;
    sgd_step(params, parameters, gradients, first);
  });
}

Tensor three_adam_steps(bool decoupled) {
  return three_steps([&](int number, Tensor& parameters, const Tensor& gradients, Tensor& first,
                         Tensor& second) {
    adam_step({0.125f, 0.5f, 0.75f, 0.0625f, 0.25f, decoupled, number}, parameters, gradients, first, second);
  });
}

void check_close(const Tensor& actual, const std::vector<double>& expected) {
  for (std::int64_t i = 0; i < actual.size(); ++i)
    CHECK(actual[i] == Approx(expected[static_cast<std::size_t>(i)]).epsilon(1e-13));
}

}  // namespace

// The expected numbers are those of PyTorch 2.15 in double precision (torch.optim).
TEST_CASE("reference SGD gives known values") {
  check_close(three_sgd_steps({0.125f, 0.5f, 0.0f, 0.25f, true, 1}),
              {-0.043766021728515625, -1.5411949157714844, -0.21498680114746094});
  check_close(three_sgd_steps({0.125f, 0.5f, 0.25f, 0.0f, false, 1}), {0.4453125, -1.88671875, -0.078125});
  check_close(three_sgd_steps({0.125f, 0.0f, 0.0f, 0.25f, false, 1}),
              {0.356353759765625, -1.727447509765625, 0.0988616943359375});
}

TEST_CASE("reference Adam and AdamW give known values") {
  check_close(three_adam_steps(false), {0.6383650658234743, -1.656079120318734, 0.20780185445290006});
  check_close(three_adam_steps(true), {0.5663796153711824, -1.5275756835937497, 0.17881479968824596});
}
