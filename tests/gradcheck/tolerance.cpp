#include "tests/gradcheck/tolerance.h"

#include <fmt/core.h>

#include <array>

#include "kernels/common/error.h"

namespace xr::gradcheck {

namespace {

// Unit roundoffs: f32 6.0e-8, TF32 4.9e-4, bf16 3.9e-3. Many independent roundings have a root mean square of
// 0.4 units; a case may consist of one number, though, and so of a whole unit.
struct Row {
  Arithmetic arithmetic;
  double f32;   ///< by the arithmetic itself
  double tf32;  ///< more in tf32
  double bf16;  ///< more in bf16, where values and gradients of activations are stored in bf16
};

constexpr std::array table = {
    // One rounding to bf16: of the value, or of the gradient. Operands are bf16 numbers there.
    Row{Arithmetic::elementwise, 1.5e-7, 0, 3.9e-3},
    Row{Arithmetic::to_bf16, 3.9e-3, 0, 0},
    // The gradient is computed from the value as it was stored: one rounding more.
    Row{Arithmetic::transcendental, 2e-7, 0, 8e-3},
    Row{Arithmetic::sums, 2e-7, 0, 3.9e-3},
    Row{Arithmetic::reduction, 1e-6, 0, 3.9e-3},
    // Both factors are rounded to TF32; one of them (the weight) to bf16, and then the result.
    Row{Arithmetic::products, 1e-6, 1e-3, 8e-3},
    Row{Arithmetic::normalised, 6e-7, 0, 3.9e-3},
    Row{Arithmetic::normalised_kinks, 6e-7, 0, 8e-3},
    // Where two values of a window are the same number in bf16, the gradient goes to the first instead of the
    // larger: an error of the square root of the share of such windows.
    Row{Arithmetic::normalised_ties, 6e-7, 0, 0.1},
    // Errors of layers add up like independent ones. A share of the ReLUs and maxima as large as the relative
    // error decides otherwise than the oracle and sends its part of the gradient elsewhere: an error of the
    // square root of that share, which is far larger.
    Row{Arithmetic::network_forward, 4e-6, 2e-3, 2e-2},
    Row{Arithmetic::report_cnn, 1e-5, 0.1, 0.25},
    Row{Arithmetic::xray_resnet, 3e-5, 0.2, 0.8},
};

}  // namespace

double tolerance_of(Arithmetic arithmetic, Precision precision, double growth) {
  for (const Row& row : table)
    if (row.arithmetic == arithmetic)
      return row.f32 * growth + (precision == Precision::tf32   ? row.tf32
                                 : precision == Precision::bf16 ? row.bf16
                                                                : 0);
  throw Error(fmt::format("no tolerance for arithmetic {}", static_cast<int>(arithmetic)));
}

}  // namespace xr::gradcheck
