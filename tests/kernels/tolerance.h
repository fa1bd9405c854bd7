// The one table of tolerances, and the comparison of what a backend computed with the oracle.
#pragma once

#include <string>

#include "kernels/common/types.h"
#include "tests/reference/tensor.h"

namespace xr::tests {

using kernels::DType;
using reference::Tensor;

/// What kind of arithmetic an output comes from.
enum class Arithmetic {
  exact,           ///< moved, selected or counted: equal after rounding the oracle's value to the type
  elementwise,     ///< a few operations per element
  transcendental,  ///< with exp, log or a square root
  reduction,       ///< sums of `terms` products
  tf32,            ///< sums of products of random numbers that were rounded to TF32
  winograd,        ///< a reduction that may go through Winograd's transforms, which lose up to two bits
};

struct Tolerance {
  double relative;  ///< of the expected element
  double absolute;  ///< of the output's magnitude; times sqrt(terms) for reductions
};

/// Every tolerance of the kernel tests. f32's unit roundoff is 6e-8, bf16's 4e-3.
[[nodiscard]] Tolerance tolerance_of(DType dtype, Arithmetic arithmetic);

/// The value as an element of the type holds it: to nearest, ties to even, by way of f32 for bf16.
[[nodiscard]] double rounded(double value, DType dtype);

/// What an output is compared with.
struct Expected {
  Tensor values;
  DType dtype = DType::f32;
  Arithmetic arithmetic = Arithmetic::exact;
  double terms = 1;  ///< length of the sums
  /// Size of the numbers that were added up; 0: the root mean square of the values. Needed where sums cancel,
  /// as in the gradient of batch norm.
  double magnitude = 0;
};

/// Empty if the output is right; otherwise a line with the number of wrong elements, the worst one, what was
/// expected and the tolerance. An element is right if |actual - expected| <= relative |expected| + absolute
/// magnitude (NaN fails), or if both are NaN or the same infinity. Beside the elements the root mean square
/// of all errors must be within a third of the bound, so that small errors in all elements do not pass.
[[nodiscard]] std::string compare(const Tensor& actual, const Expected& expected);

}  // namespace xr::tests
