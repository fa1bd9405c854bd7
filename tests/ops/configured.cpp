#include "tests/ops/configured.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace xr::tests {

namespace {

/// `value` with `bits` of mantissa behind the first one, to the nearest, ties to even.
double rounded_to(double value, int bits) {
  if (value == 0 || !std::isfinite(value)) return value;
  int exponent = 0;
  std::frexp(value, &exponent);  // 0.5 <= |mantissa| < 1
  const double unit = std::ldexp(1.0, exponent - 1 - bits);
  return std::nearbyint(value / unit) * unit;
}

}  // namespace

BackendOptions default_options(const kernels::Backend& backend) {
  const char* value = std::getenv("XR_TEST_KERNELS");
  const std::string choice = value == nullptr ? "" : value;
  XR_CHECK(choice.empty() || choice == "cudnn", "XR_TEST_KERNELS is '{}': it may be cudnn or empty", choice);
  if (choice.empty() || !backend.name().starts_with("cuda")) return {};
  return {.kernels = kernels::KernelChoice::cudnn};
}

bool Configured::possible(kernels::Backend& backend, const BackendOptions& options) {
  try {
    backend.configure(options);
  } catch (const Error&) {
    return false;
  }
  backend.configure(default_options(backend));
  return true;
}

Configured::Configured(kernels::Backend& backend, const BackendOptions& options) : backend_(backend) {
  backend_.configure(options);
  backend_.record_launches(&launches_);
}

Configured::~Configured() {
  backend_.record_launches(nullptr);
  backend_.configure(default_options(backend_));
}

bool Configured::ran(std::string_view part) const {
  return std::any_of(launches_.begin(), launches_.end(), [&](const kernels::LaunchRecord& launch) {
    return launch.kernel.find(part) != std::string::npos;
  });
}

std::string Configured::kernels() const {
  std::string names;
  for (const kernels::LaunchRecord& launch : launches_)
    if (names.find(launch.kernel) == std::string::npos) names += (names.empty() ? "" : ", ") + launch.kernel;
  return names;
}

const char* name_of(Precision precision) {
  switch (precision) {
    case Precision::fp32:
      return "fp32";
    case Precision::tf32:
      return "tf32";
    case Precision::bf16:
      return "bf16";
  }
  return "?";
}

reference::Tensor to_operand(reference::Tensor values, Precision precision) {
  const int bits = precision == Precision::fp32 ? 23 : precision == Precision::tf32 ? 10 : 7;
  for (double& value : values.values) value = rounded_to(value, bits);
  return values;
}

}  // namespace xr::tests
