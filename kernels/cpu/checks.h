// What every CPU operation asks of its views beyond kernels/common/checks.h: the CPU computes in f32.
#pragma once

#include "kernels/common/checks.h"

namespace xr::kernels::cpu {

inline void require_f32(const char* operation, const char* name, const ConstView& view) {
  XR_CHECK(view.dtype == DType::f32, "{}: {} has the type {}: the CPU backend computes in f32", operation,
           name, name_of(view.dtype));
}

}  // namespace xr::kernels::cpu
