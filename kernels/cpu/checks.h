// What every CPU operation asks of its views beyond kernels/common/checks.h: the CPU computes in f32.
#pragma once

#include "kernels/common/checks.h"

namespace xr::kernels::cpu {

inline void require_f32(const char* operation, const char* name, const ConstView& view) {
  XR_CHECK(view.dtype == DType::f32, "{}: {} has the type {}: the CPU backend computes in f32", operation,
           name, name_of(view.dtype));
}

/// a and b: f32, of one shape and one layout.
inline void require_alike(const char* operation, const char* name_a, const ConstView& a, const char* name_b,
                          const ConstView& b) {
  require_f32(operation, name_a, a);
  require_f32(operation, name_b, b);
  require_same_form(operation, name_a, a, name_b, b);
}

}  // namespace xr::kernels::cpu
