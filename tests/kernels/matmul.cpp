#include "tests/reference/matmul.h"

#include <catch2/catch.hpp>

#include "tests/kernels/cases.h"
#include "tests/kernels/configured.h"
#include "tests/kernels/harness.h"

using namespace xr;
using namespace xr::tests;

namespace {

using Backends = std::vector<Backend*>;

/// Types of the operands and the result, and how they are multiplied.
struct Setting {
  BackendOptions options = {};
  DType a = DType::f32, b = DType::f32, c = DType::f32;
  /// Operands that the precision multiplies exactly, so that its results must be as good as f32 sums.
  bool exact_operands = true;

  [[nodiscard]] Tensor operand(const Shape& shape, std::uint64_t seed) const {
    const Tensor values = random_normal(shape, seed);
    return exact_operands && options.precision != Precision::fp32 ? to_operand(values, options.precision)
                                                                  : values;
  }
  [[nodiscard]] Expected expected(Tensor values, std::int64_t depth) const {
    const double terms = static_cast<double>(depth);
    // With exact operands a bf16 result is an f32 sum that was rounded once.
    const Arithmetic arithmetic = c == DType::bf16  ? Arithmetic::elementwise
                                  : !exact_operands ? Arithmetic::tf32
                                                    : Arithmetic::reduction;
    return {std::move(values), c, arithmetic, terms, std::sqrt(terms)};
  }
  [[nodiscard]] std::string describe() const {
    return fmt::format(" in {} ({} {} to {})", tests::name_of(options.precision), kernels::name_of(a),
                       kernels::name_of(b), kernels::name_of(c));
  }
};

void check_matmul(const MatmulCase& c, bool transpose_a, bool transpose_b, const Setting& setting,
                  const Backends& backends) {
  const Tensor a = setting.operand(transpose_a ? Shape{c.k, c.m} : Shape{c.m, c.k}, 1);
  const Tensor b = setting.operand(transpose_b ? Shape{c.n, c.k} : Shape{c.k, c.n}, 2);
  const Expected expected = setting.expected(reference::matmul(a, transpose_a, b, transpose_b), c.k);
  for (Backend* backend : backends) {
    const Operation operation{
        *backend,
        fmt::format("matmul of {}{} and {}{}{}", a.shape.to_string(), transpose_a ? " transposed" : "",
                    b.shape.to_string(), transpose_b ? " transposed" : "", setting.describe()),
        {{"a", a, Layout::contiguous, setting.a}, {"b", b, Layout::contiguous, setting.b}},
        {{"c", expected}},
        false};
    check_gradient(operation, [&](Inputs in, Outputs out, GradientWrite write) {
      backend->run(kernels::Matmul{.a = in[0],
                                   .b = in[1],
                                   .c = out[0],
                                   .transpose_a = transpose_a,
                                   .transpose_b = transpose_b,
                                   .write = write});
    });
  }
}

void check_linear(const MatmulCase& c, bool with_bias, const Setting& setting, const Backends& backends) {
  const Tensor x = setting.operand({c.m, c.k}, 1), weight = setting.operand({c.n, c.k}, 2);
  const Tensor bias = random_normal({c.n}, 3);
  const Expected expected =
      setting.expected(reference::linear_forward(x, weight, with_bias ? &bias : nullptr), c.k);
  for (Backend* backend : backends) {
    const Operation operation{
        *backend,
        fmt::format("linear_forward of x {}, weight {}{}{}", x.shape.to_string(), weight.shape.to_string(),
                    with_bias ? "" : " without bias", setting.describe()),
        {{"x", x, Layout::contiguous, setting.a},
         {"weight", weight, Layout::contiguous, setting.b},
         {"bias", bias, Layout::contiguous, DType::f32, with_bias}},
        {{"y", expected}},
        false};
    check_operation(operation, [&](Inputs in, Outputs out) {
      backend->run(kernels::LinearForward{.x = in[0], .weight = in[1], .bias = in[2], .y = out[0]});
    });
  }
}

/// Every precision, and in bf16 every mixture of types that a linear layer multiplies.
std::vector<Setting> settings() {
  const BackendOptions tf32{.precision = Precision::tf32}, bf16{.precision = Precision::bf16};
  return {{},
          {.options = tf32},
          {.options = tf32, .exact_operands = false},
          {bf16, DType::bf16, DType::bf16, DType::f32},
          {bf16, DType::bf16, DType::bf16, DType::bf16},
          {bf16, DType::bf16, DType::f32, DType::bf16}};
}

/// The backends that have them and hand-written kernels.
Backends backends_with(const BackendOptions& options) {
  Backends backends;
  for (Backend* backend : test_backends())
    if (backend->name() != "cpu" && Configured::possible(*backend, options)) backends.push_back(backend);
  return backends;
}

/// Which kernel a product of tiles must get, and a product that it suits: few rows or many, tiles that end in
/// the middle of a piece, a depth that is cut into parts.
struct KernelCase {
  MatmulCase shape;
  const char* kernel;
};
const std::vector<KernelCase> kernel_cases = {{{8, 8, 8}, "64x128"},      {{56, 136, 72}, "64x128"},
                                              {{64, 120, 40}, "64x128"},  {{130, 72, 40}, "128x64"},
                                              {{72, 8, 104}, "128x64"},   {{40, 40, 1608}, "64x128"},
                                              {{136, 16, 1544}, "128x64"}};

}  // namespace

TEST_CASE("matmul with every transposition") {
  for (const MatmulCase& c : matmul_cases())
    for (const bool transpose_a : {false, true})
      for (const bool transpose_b : {false, true})
        check_matmul(c, transpose_a, transpose_b, {}, test_backends());
}

TEST_CASE("linear forward with and without bias") {
  for (const MatmulCase& c : matmul_cases())
    for (const bool with_bias : {true, false}) check_linear(c, with_bias, {}, test_backends());
}

TEST_CASE("matmul kernels in every precision") {
  for (const KernelCase& c : kernel_cases)
    for (const Setting& setting : settings())
      for (Backend* backend : backends_with(setting.options)) {
        const bool one_type = setting.a == setting.b;
        for (const auto& [transpose_a, transpose_b] :
             {std::pair{false, false}, {false, true}, {true, false}}) {
          const Configured configured(*backend, setting.options);
          check_matmul(c.shape, transpose_a, transpose_b, setting, {backend});
          INFO(c.shape.m << ", " << c.shape.n << ", " << c.shape.k << setting.describe() << " ran "
                         << configured.kernels());
          const bool aligned = !transpose_a || (one_type && c.shape.m % 8 == 0);
          CHECK(configured.ran(aligned ? c.kernel : "strided"));
        }
      }
}

TEST_CASE("linear kernels in every precision") {
  for (const KernelCase& c : kernel_cases)
    for (const Setting& setting : settings())
      for (Backend* backend : backends_with(setting.options)) {
        const Configured configured(*backend, setting.options);
        check_linear(c.shape, true, setting, {backend});
        INFO(c.shape.m << ", " << c.shape.n << ", " << c.shape.k << setting.describe() << " ran "
                       << configured.kernels());
        CHECK(configured.ran(c.kernel));
        CHECK(configured.ran("gemm_sum") == (c.shape.k > 1000));
      }
}

// Where there are a GPU and cuBLAS.
TEST_CASE("matmul and linear through cuBLAS in every precision") {
  for (const MatmulCase& c : matmul_cases())
    for (Setting setting : settings()) {
      setting.options.kernels = kernels::KernelChoice::cudnn;
      for (Backend* backend : backends_with(setting.options)) {
        const Configured configured(*backend, setting.options);
        for (const bool transpose_a : {false, true})
          for (const bool transpose_b : {false, true})
            check_matmul(c, transpose_a, transpose_b, setting, {backend});
        for (const bool with_bias : {false, true}) check_linear(c, with_bias, setting, {backend});
        INFO(configured.kernels());
        CHECK(configured.ran("cublas matmul"));
        CHECK(configured.ran("cublas linear_forward"));
      }
    }
}

TEST_CASE("matmul kernels without alignment in every precision") {
  for (const MatmulCase& c : {MatmulCase{17, 33, 65}, MatmulCase{66, 7, 130}})
    for (const Setting& setting : settings())
      for (const bool transpose_a : {false, true})
        for (const bool transpose_b : {false, true})
          check_matmul(c, transpose_a, transpose_b, setting, backends_with(setting.options));
}
