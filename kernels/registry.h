// Which backends this binary has, and the one instance of each.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "kernels/backend.h"

namespace xr::kernels {

enum class DeviceType : std::uint8_t { cpu, cuda, simt };

struct Device {
  DeviceType type = DeviceType::cpu;
  int index = 0;

  /// "cpu", "cuda:0", "simt"
  [[nodiscard]] std::string to_string() const;
  /// Parses "cpu", "cuda", "cuda:N" or "simt"; throws Error that lists them otherwise.
  static Device parse(const std::string& text);
  friend bool operator==(const Device&, const Device&) = default;
};

/// The backend of a device, created at the first call and kept. Throws Error that says what is missing (a
/// backend that was not built, no driver, no such device) and what to use instead.
[[nodiscard]] Backend& backend(const Device& device);

// Implemented once in each backend's folder, or in its absent_ twin when the backend is not built.
[[nodiscard]] std::unique_ptr<Backend> make_cpu_backend();
[[nodiscard]] std::unique_ptr<Backend> make_cuda_backend(int index);
/// Whether this binary was built with it (the machine may still lack a driver or a GPU).
[[nodiscard]] bool has_cuda_backend();
/// The GPUs that its kernels are compiled for, as CMake names them ("80-real, 90a-real"); empty without it.
[[nodiscard]] const char* cuda_architectures();
[[nodiscard]] std::unique_ptr<Backend> make_simt_backend();

}  // namespace xr::kernels
