// Every tolerance of the gradient checks.
#pragma once

#include "kernels/backend.h"

namespace xr::gradcheck {

using kernels::Precision;

/// What an operation does to its numbers, as far as its errors go.
enum class Arithmetic {
  elementwise,       ///< a few operations per element, or none
  to_bf16,           ///< rounded to bf16, whatever the precision
  transcendental,    ///< with exp and log
  sums,              ///< sums that are taken pairwise or in double
  reduction,         ///< sums of up to some thousand terms, one after another
  products,          ///< sums of products: what Precision is about
  normalised,        ///< batch norm
  normalised_kinks,  ///< batch norm, then ReLU and maxima of what it gives, at once
  normalised_ties,   ///< the same, one after another
  network_forward,   ///< loss and running statistics of a whole network
  report_cnn,        ///< a whole network: 4 layers with weights, forward, loss and backward
  xray_resnet,       ///< a whole network: 21 layers with weights
};

/// The largest ||error|| / ||gradient|| (or value) that passes. Errors of f32 arithmetic, which every
/// precision has, are `growth` times as large where the numbers make them so.
[[nodiscard]] double tolerance_of(Arithmetic arithmetic, Precision precision, double growth = 1);

}  // namespace xr::gradcheck
