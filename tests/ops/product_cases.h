// Matrix products: their shapes, and the types and precisions in which a linear layer needs them.
#pragma once

#include <string>
#include <vector>

#include "tests/ops/call.h"
#include "tests/ops/configured.h"

namespace xr::tests {

/// c (m, n) = op(a) op(b) over k.
struct MatmulCase {
  std::string name;  ///< "m x n x k"
  std::int64_t m, n, k;
  std::string kernel = {};  ///< that it must get; empty: any

  [[nodiscard]] std::int64_t flops() const { return 2 * m * n * k; }
};

[[nodiscard]] MatmulCase matmul_case(std::int64_t m, std::int64_t n, std::int64_t k, std::string kernel = {});
[[nodiscard]] const std::vector<MatmulCase>& matmul_cases();
/// Those that are small enough for gradient checks.
[[nodiscard]] std::vector<MatmulCase> matmul_gradient_cases();
/// Products of tiles: few rows or many, tiles that end in the middle of a piece, a depth that is cut into parts.
[[nodiscard]] const std::vector<MatmulCase>& matmul_kernel_cases();

using Backends = std::vector<Backend*>;

/// Types of the operands and the result, and how they are multiplied.
struct ProductSetting {
  BackendOptions options = {};
  DType a = DType::f32, b = DType::f32, c = DType::f32;
  /// Operands that the precision multiplies exactly, so that its results must be as good as f32 sums.
  bool exact_operands = true;

  [[nodiscard]] Tensor operand(const Shape& shape, std::uint64_t seed) const;
  [[nodiscard]] Expected expected(Tensor values, std::int64_t depth) const;
  [[nodiscard]] std::string describe() const;
};

/// Every precision, and in bf16 every mixture of types that a linear layer multiplies.
[[nodiscard]] std::vector<ProductSetting> product_settings();
/// The backends that have them and hand-written kernels.
[[nodiscard]] Backends backends_with(const BackendOptions& options);

}  // namespace xr::tests
