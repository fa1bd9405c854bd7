#include "tests/ops/product_cases.h"

#include <fmt/core.h>

#include <cmath>

#include "tests/ops/gradient_case.h"
#include "tests/ops/test_backends.h"
#include "tests/reference/gradient_check.h"

namespace xr::tests {

MatmulCase matmul_case(std::int64_t m, std::int64_t n, std::int64_t k, std::string kernel) {
  return {fmt::format("{}x{}x{}", m, n, k), m, n, k, std::move(kernel)};
}

const std::vector<MatmulCase>& matmul_cases() {
  static const std::vector<MatmulCase> cases = {
      matmul_case(1, 1, 1),    matmul_case(1, 2, 120),  matmul_case(60, 2, 120),  matmul_case(3, 5, 7),
      matmul_case(16, 16, 16), matmul_case(17, 33, 65), matmul_case(60, 120, 61), matmul_case(1, 130, 1000),
      matmul_case(129, 1, 67), matmul_case(19, 64, 3),  matmul_case(5, 600, 2311)};
  return cases;
}

std::vector<MatmulCase> matmul_gradient_cases() {
  std::vector<MatmulCase> cases = matmul_cases();
  std::erase_if(cases, [](const MatmulCase& c) { return c.flops() > 2 * max_gradient_flops; });
  return cases;
}

const std::vector<MatmulCase>& matmul_kernel_cases() {
  static const std::vector<MatmulCase> cases = {
      matmul_case(8, 8, 8, "64x128"),      matmul_case(56, 136, 72, "64x128"),
      matmul_case(64, 120, 40, "64x128"),  matmul_case(130, 72, 40, "128x64"),
      matmul_case(72, 8, 104, "128x64"),   matmul_case(40, 40, 1608, "64x128"),
      matmul_case(136, 16, 1544, "128x64")};
  return cases;
}

Tensor ProductSetting::operand(const Shape& shape, std::uint64_t seed) const {
  Tensor values = reference::random_normal(shape, seed);
  if (!exact_operands || options.precision == Precision::fp32) return values;
  return to_operand(std::move(values), options.precision);
}

Expected ProductSetting::expected(Tensor values, std::int64_t depth) const {
  const double terms = static_cast<double>(depth);
  // With exact operands a bf16 result is an f32 sum that was rounded once.
  const Arithmetic arithmetic = c == DType::bf16                       ? Arithmetic::elementwise
                                : !exact_operands                      ? Arithmetic::tf32
                                : options.precision != Precision::fp32 ? Arithmetic::tensor_core_sums
                                                                       : Arithmetic::reduction;
  return {std::move(values), c, arithmetic, terms, std::sqrt(terms)};
}

std::string ProductSetting::describe() const {
  return fmt::format("in {}", name_of(options.precision));
}

std::vector<ProductSetting> product_settings() {
  const BackendOptions tf32{.precision = Precision::tf32}, bf16{.precision = Precision::bf16};
  return {{},
          {.options = tf32},
          {.options = tf32, .exact_operands = false},
          {bf16, DType::bf16, DType::bf16, DType::f32},
          {bf16, DType::bf16, DType::bf16, DType::bf16},
          {bf16, DType::bf16, DType::f32, DType::bf16}};
}

Backends backends_with(const BackendOptions& options) {
  Backends backends;
  for (Backend* backend : test_backends())
    if (backend->name() != "cpu" && Configured::possible(*backend, options)) backends.push_back(backend);
  return backends;
}

}  // namespace xr::tests
