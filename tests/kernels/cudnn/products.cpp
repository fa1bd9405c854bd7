// What is asked of cuBLAS, answered by reference_cublas.cpp on the host: every transposition, type and write,
// against the oracle.
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>

#include "kernels/cudnn/cublas_products.h"
#include "kernels/registry.h"
#include "tests/reference/matmul.h"

using namespace xr;
using namespace xr::kernels;
using namespace xr::kernels::cudnn;
using reference::Tensor;

namespace {

/// Values on the host as a backend sees them, f32 or bf16.
class Matrix {
 public:
  Matrix(const Tensor& values, DType dtype) : shape_(values.shape), dtype_(dtype) {
    for (const double value : values.values) {
      const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(value));
      for (std::size_t byte = 4 - size_of(dtype); byte < 4; ++byte)
        bytes_.push_back(static_cast<std::uint8_t>(bits >> (8 * byte)));
    }
  }
  [[nodiscard]] View view() {
    View view;
    view.data = bytes_.data();
    view.shape = shape_;
    view.dtype = dtype_;
    return view;
  }
  [[nodiscard]] double operator[](std::int64_t i) const {
    std::uint32_t bits = 0;
    const std::size_t size = size_of(dtype_);
    for (std::size_t byte = 0; byte < size; ++byte)
      bits |= static_cast<std::uint32_t>(bytes_[static_cast<std::size_t>(i) * size + byte])
              << (8 * (byte + 4 - size));
    return static_cast<double>(std::bit_cast<float>(bits));
  }

 private:
  std::vector<std::uint8_t> bytes_;
  Shape shape_;
  DType dtype_;
};

/// Small whole numbers, which every type holds and whose sums are exact here.
Tensor whole_numbers(const Shape& shape, std::int64_t seed) {
  Tensor values(shape);
  for (std::int64_t i = 0; i < shape.numel(); ++i)
    values[i] = static_cast<double>((i * 7 + seed * 5 + i * i % 3) % 5 - 2);
  return values;
}

struct Types {
  DType a, b, c;
};
const std::vector<Types> all_types = {{DType::f32, DType::f32, DType::f32},
                                      {DType::bf16, DType::bf16, DType::bf16},
                                      {DType::bf16, DType::bf16, DType::f32},
                                      {DType::bf16, DType::f32, DType::bf16},
                                      {DType::f32, DType::bf16, DType::f32}};

void check_equal(const Matrix& found, const Tensor& expected) {
  std::int64_t wrong = 0;
  for (std::int64_t i = 0; i < expected.shape.numel(); ++i)
    if (!(found[i] == expected[i])) ++wrong;
  CHECK(wrong == 0);
}

CublasProducts make_products() {
  Backend& own = backend({DeviceType::cpu, 0});
  return CublasProducts({own, nullptr, [] { return false; }},
                        {"cuBLAS", "libreference_cublas.so", {XR_REFERENCE_CUBLAS_FOLDER}, "build it"});
}

constexpr std::int64_t m = 3, n = 5, k = 4;

/// The time that it takes to round an operand first is in a benchmark's row: its name says so.
void check_name(const Ran& ran, const std::string& name, const Types& types) {
  CHECK(ran.library == Library::cublas);
  CHECK(ran.kernel == name + (types.a == types.b ? "" : " + its f32 operand rounded to bf16"));
}

}  // namespace

TEST_CASE("cuBLAS is asked for the right product in every transposition and type") {
  CublasProducts products = make_products();
  for (const Precision precision : {Precision::fp32, Precision::tf32, Precision::bf16})
    for (const Types& types : all_types)
      for (const bool transpose_a : {false, true})
        for (const bool transpose_b : {false, true})
          for (const bool accumulate : {false, true}) {
            products.set_precision(precision);
            const Tensor a = whole_numbers(transpose_a ? Shape{k, m} : Shape{m, k}, 1);
            const Tensor b = whole_numbers(transpose_b ? Shape{n, k} : Shape{k, n}, 2);
            Tensor before = whole_numbers({m, n}, 3),
                   expected = reference::matmul(a, transpose_a, b, transpose_b);
            for (std::int64_t i = 0; i < m * n; ++i) {
              if (accumulate) expected[i] += before[i];
              if (!accumulate) before[i] = std::nan("");
            }
            Matrix a_data(a, types.a), b_data(b, types.b), c_data(before, types.c);
            INFO(name_of(types.a) << " " << name_of(types.b) << " " << name_of(types.c) << transpose_a
                                  << transpose_b << accumulate);
            const Ran ran = products.run(
                Matmul{.a = a_data.view(),
                       .b = b_data.view(),
                       .c = c_data.view(),
                       .transpose_a = transpose_a,
                       .transpose_b = transpose_b,
                       .write = accumulate ? GradientWrite::accumulate : GradientWrite::overwrite});
            REQUIRE(ran);
            check_name(ran, "cublas matmul", types);
            check_equal(c_data, expected);
          }
}

TEST_CASE("cuBLAS is asked for a linear layer with and without bias") {
  CublasProducts products = make_products();
  for (const Types& types : all_types)
    for (const bool with_bias : {false, true}) {
      const Tensor x = whole_numbers({m, k}, 1), weight = whole_numbers({n, k}, 2),
                   bias = whole_numbers({n}, 4);
      Tensor poison({m, n});
      for (std::int64_t i = 0; i < m * n; ++i) poison[i] = std::nan("");
      Matrix x_data(x, types.a), weight_data(weight, types.b), bias_data(bias, DType::f32),
          y(poison, types.c);
      INFO(name_of(types.a) << " " << name_of(types.b) << " " << name_of(types.c) << with_bias);
      const Ran ran =
          products.run(LinearForward{.x = x_data.view(),
                                     .weight = weight_data.view(),
                                     .bias = with_bias ? ConstView(bias_data.view()) : ConstView(),
                                     .y = y.view()});
      REQUIRE(ran);
      check_name(ran, "cublas linear_forward", types);
      check_equal(y, reference::linear_forward(x, weight, with_bias ? &bias : nullptr));
    }
}

TEST_CASE("products that cuBLAS does not have are left alone") {
  CublasProducts products = make_products();
  const Tensor values = whole_numbers({2, 2}, 1);
  Matrix a(values, DType::f32), c(values, DType::bf16);
  CHECK(!products.run(Matmul{.a = a.view(), .b = a.view(), .c = c.view()}));
  CHECK(!products.run(LinearForward{.x = a.view(), .weight = a.view(), .bias = a.view(), .y = c.view()}));
  check_equal(c, values);
}

TEST_CASE("a product that cuBLAS refuses is an error in its words") {
  CublasProducts products = make_products();
  Matrix a(whole_numbers({2, 2}, 1), DType::f32), c(whole_numbers({0, 2}, 1), DType::f32);
  CHECK_THROWS_WITH(products.run(Matmul{.a = a.view(), .b = a.view(), .c = c.view()}),
                    "cuBLAS: cublasGemmEx_64 failed: refused by the reference");
}
