// Options of a backend for a while, and which kernels ran under them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernels/backend.h"
#include "tests/reference/tensor.h"

namespace xr::tests {

using kernels::BackendOptions;
using kernels::Precision;

/// What a backend has outside of Configured: KernelChoice::cudnn on CUDA devices if the environment variable
/// XR_TEST_KERNELS is "cudnn", so that all tests hold cuDNN and cuBLAS against the oracle, else the defaults.
[[nodiscard]] BackendOptions default_options(const kernels::Backend& backend);

/// A backend with these options and a record of its launches, until the end of the scope.
class Configured {
 public:
  /// Whether the backend has them.
  [[nodiscard]] static bool possible(kernels::Backend& backend, const BackendOptions& options);

  Configured(kernels::Backend& backend, const BackendOptions& options);
  Configured(const Configured&) = delete;
  Configured& operator=(const Configured&) = delete;
  ~Configured();

  /// Whether a kernel whose name contains `part` has run.
  [[nodiscard]] bool ran(std::string_view part) const;
  /// The names of all that ran, for messages.
  [[nodiscard]] std::string kernels() const;

 private:
  kernels::Backend& backend_;
  std::vector<kernels::LaunchRecord> launches_;
};

[[nodiscard]] const char* name_of(Precision precision);

/// Rounded to what a product of this precision takes as its operands, so that the product is exact: to TF32
/// or bf16, and to f32 in fp32.
[[nodiscard]] reference::Tensor to_operand(reference::Tensor values, Precision precision);

}  // namespace xr::tests
