// BackendOptions::variant names a kernel ("halo_tile_128x64") or a family of kernels ("halo_tile").
#pragma once

#include <string_view>

namespace xr::kernels {

/// Whether `kernel` is `family` or one of it: the family's name and further words after an underscore.
[[nodiscard]] constexpr bool is_member(std::string_view kernel, std::string_view family) {
  return kernel == family || (kernel.starts_with(family) && kernel[family.size()] == '_');
}

}  // namespace xr::kernels
