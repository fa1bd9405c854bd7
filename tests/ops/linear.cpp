// y = x weight^T + bias.
#include "kernels/ops/linear.h"

#include <fmt/core.h>

#include "engine/ops/linear.h"
#include "tests/ops/operation.h"
#include "tests/ops/product_cases.h"
#include "tests/ops/test_backends.h"
#include "tests/reference/gradient_check.h"
#include "tests/reference/matmul.h"

namespace xr::tests {

namespace {

using reference::random_normal;

/// x (m, k), weight (n, k), y (m, n).
Call linear_forward(const MatmulCase& c, bool with_bias, DType x, DType weight, DType y) {
  Call call = call_of(
      {input("x", {c.m, c.k}, x), input("weight", {c.n, c.k}, weight),
       input("bias", {c.n}).only_if(with_bias), output("y", {c.m, c.n}, y)},
      [](Views v) { return kernels::LinearForward{.x = v[0], .weight = v[1], .bias = v[2], .y = v[3]}; });
  call.is_product = true;
  call.same_for_any_threads = false;
  return call;
}

void check_linear(const Checker& check, const MatmulCase& c, bool with_bias, const ProductSetting& setting,
                  const Backends& backends) {
  const Tensor x = setting.operand({c.m, c.k}, 1), weight = setting.operand({c.n, c.k}, 2);
  const Tensor bias = random_normal({c.n}, 3);
  const Expected y = setting.expected(reference::linear_forward(x, weight, with_bias ? &bias : nullptr), c.k);
  for (Backend* backend : backends)
    check(*backend, linear_forward(c, with_bias, setting.a, setting.b, setting.c)
                        .with(setting.describe())
                        .holds("x", x)
                        .holds("weight", weight)
                        .holds("bias", bias)
                        .expects("y", y));
}

void check_bias(const Checker& check, const MatmulCase& c) {
  for (const bool with_bias : {true, false}) check_linear(check, c, with_bias, {}, test_backends());
}

void check_kernels(const Checker& check, const MatmulCase& c) {
  for (const ProductSetting& setting : product_settings())
    for (Backend* backend : backends_with(setting.options)) {
      const Configured configured(*backend, setting.options);
      check_linear(check, c, true, setting, {backend});
      const std::string ran =
          fmt::format("{} {} ran {}", backend->name(), setting.describe(), configured.kernels());
      check.that(configured.ran(c.kernel), ran);
      check.that(configured.ran("gemm_sum") == (c.k > 1000), ran);
    }
}

/// Results that end in the middle of a piece of 16 bytes.
void check_partial_pieces(const Checker& check, const MatmulCase& c) {
  for (const ProductSetting& setting : product_settings())
    for (const bool with_bias : {true, false})
      check_linear(check, c, with_bias, setting, backends_with(setting.options));
}

/// Where there are a GPU and cuBLAS.
void check_cublas(const Checker& check, const MatmulCase& c) {
  for (ProductSetting setting : product_settings()) {
    setting.options.kernels = kernels::KernelChoice::cudnn;
    for (Backend* backend : backends_with(setting.options)) {
      const Configured configured(*backend, setting.options);
      for (const bool with_bias : {false, true}) check_linear(check, c, with_bias, setting, {backend});
      check.that(configured.ran("cublas linear_forward"),
                 fmt::format("{} ran {}", backend->name(), configured.kernels()));
    }
  }
}

void check_gradients(const GradientSink& check, const MatmulCase& c) {
  for (const bool bias : {true, false}) {
    GradientCase test;
    test.operation = "linear";
    test.operands = {activation("x", random_normal({c.m, c.k}, 1)),
                     parameter("weight", random_normal({c.n, c.k}, 2))};
    if (bias) test.operands.push_back(parameter("bias", random_normal({c.n}, 3)));
    test.engine = [&](EngineTensors in) {
      return engine::linear(in[0], in[1], bias ? in[2] : engine::Tensor{});
    };
    test.oracle = [&](Tape& tape, Variables in) { return tape.linear(in[0], in[1], bias ? in[2] : nullptr); };
    test.arithmetic = Arithmetic::products;
    check(test);
  }
}

void add_benchmarks(Benchmarks& list) {
  const DType activation = list.setting.activation;
  for (const LinearLayer& layer : list.layers.linears) {
    Call call = linear_forward(matmul_case(list.setting.batch, layer.out, layer.in), true, activation,
                               DType::f32, activation);
    call.variants = {"strided"};
    list.add(layer.name, std::move(call));
  }
}

}  // namespace

Operation describe_linear() {
  return {.name = "linear",
          .checks = {checks_of("linear forward with and without bias", matmul_cases(), check_bias),
                     checks_of("linear kernels in every precision", matmul_kernel_cases(), check_kernels),
                     checks_of("linear kernels with results of partial pieces",
                               std::vector{matmul_case(40, 77, 40), matmul_case(136, 77, 40),
                                           matmul_case(40, 78, 40), matmul_case(136, 70, 40)},
                               check_partial_pieces),
                     checks_of("linear through cuBLAS in every precision", matmul_cases(), check_cublas)},
          .gradients = {gradients_of("gradcheck linear", matmul_gradient_cases(), check_gradients)},
          .benchmarks = add_benchmarks};
}

}  // namespace xr::tests
