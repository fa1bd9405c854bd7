// Choosing among the tiles that a kernel is compiled for.
#pragma once

#include <string>

#include "kernels/cuda/gemm/gemm_tile.h"
#include "kernels/cuda/variant.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

[[nodiscard]] constexpr const char* name_of(Math math) {
  return math == Math::tf32 ? "tf32" : math == Math::tf32x3 ? "tf32x3" : "bf16";
}

/// "implicit_gemm_pipelined_128x64"
template <class Shape>
[[nodiscard]] std::string variant_of() {
  return fmt::format("{}_{}x{}", Shape::family, Shape::m, Shape::n);
}

/// Calls launch(Shape()) with the preferred one of `Shapes` or, if `forced` neither names it
/// nor its family, with the first one that it does.
template <class... Shapes, class Launch>
void with_shape(const std::string& forced, int preferred, Launch&& launch) {
  int chosen = preferred;
  if (!forced.empty()) {
    const std::string variants[] = {variant_of<Shapes>()...};
    const auto fits = [&](int i) { return is_member(variants[i], forced); };
    for (int i = sizeof...(Shapes); i-- > 0;)
      if (!fits(preferred) && fits(i)) chosen = i;
  }
  int i = 0;
  ((i++ == chosen ? launch(Shapes()) : void()), ...);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
