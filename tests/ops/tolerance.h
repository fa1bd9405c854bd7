// The one table of tolerances, and the comparison of what a backend computed with the oracle.
#pragma once

#include <string>

#include "kernels/backend.h"
#include "tests/reference/tensor.h"

namespace xr::tests {

using kernels::DType;
using kernels::Precision;
using reference::Tensor;

/// What kind of arithmetic a result comes from.
enum class Arithmetic {
  exact,             ///< moved, selected or counted: equal after rounding the oracle's value to the type
  elementwise,       ///< a few operations per element, or none
  to_bf16,           ///< rounded to bf16, whatever the precision
  transcendental,    ///< with exp, log or a square root
  sums,              ///< sums that are taken pairwise or in double
  reduction,         ///< sums of up to some thousand terms, one after another
  tensor_core_sums,  ///< sums of exact products that a tensor core takes 8 at a time
  products,          ///< sums of products: what Precision is about
  tf32,              ///< sums of products of random numbers that were rounded to TF32
  winograd,          ///< a reduction that may go through Winograd's transforms, which lose up to two bits
  winograd_in_bf16,  ///< Winograd's transforms rounded to bf16, as the CPU does without AMX
  normalised,        ///< batch norm
  normalised_kinks,  ///< batch norm, then ReLU and maxima of what it gives, at once
  normalised_ties,   ///< the same, one after another
  network_forward,   ///< loss and running statistics of a whole network
  report_cnn,        ///< a whole network: 4 layers with weights, forward, loss and backward
  xray_resnet,       ///< a whole network: 21 layers with weights
};

// --- elements of one call of a backend

struct Tolerance {
  double relative;  ///< of the expected element
  double absolute;  ///< of the output's magnitude; times sqrt(terms) for reductions
};

/// For each element of an output of that type. f32's unit roundoff is 6e-8, bf16's 4e-3.
[[nodiscard]] Tolerance tolerance_of(DType dtype, Arithmetic arithmetic);

// --- norms of an operation of the engine and its gradients

/// The largest ||error|| / ||gradient|| (or value) that passes. Errors of f32 arithmetic, which every
/// precision has, are `growth` times as large where the numbers make them so.
[[nodiscard]] double norm_tolerance_of(Arithmetic arithmetic, Precision precision, double growth = 1);

// --- norms of a kernel beside the plain kernel in fp32

/// The largest relative norm difference that rounding explains. `longest_sum`: how many numbers an element
/// is the sum of, at most.
[[nodiscard]] double kernel_tolerance_of(bool is_product, Precision precision, double longest_sum);

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
