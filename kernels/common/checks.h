// What operations ask of their views before they touch memory.
#pragma once

#include "kernels/common/bf16.h"
#include "kernels/common/types.h"

namespace xr::kernels {

/// a and b: one shape and one layout.
inline void require_same_form(const char* operation, const char* name_a, const ConstView& a,
                              const char* name_b, const ConstView& b) {
  XR_CHECK(a.shape == b.shape, "{}: {} has the shape {} but {} has {}: they must be equal", operation, name_a,
           a.shape.to_string(), name_b, b.shape.to_string());
  XR_CHECK(a.layout == b.layout, "{}: {} is {} but {} is {}: they must have one layout", operation, name_a,
           name_of(a.layout), name_b, name_of(b.layout));
}

inline void require_contiguous(const char* operation, const char* name, const ConstView& view) {
  XR_CHECK(view.layout == Layout::contiguous, "{}: {} is {}: it must be contiguous", operation, name,
           name_of(view.layout));
}

inline void require_rank4(const char* operation, const char* name, const ConstView& view) {
  XR_CHECK(view.shape.rank() == 4, "{}: {} has the shape {}: it must be (N, C, H, W)", operation, name,
           view.shape.to_string());
}

inline void require_matrix(const char* operation, const char* name, const ConstView& view) {
  XR_CHECK(view.shape.rank() == 2, "{}: {} has the shape {}: it must be a matrix", operation, name,
           view.shape.to_string());
}

inline void require_dtype(const char* operation, const char* name, const ConstView& view, DType dtype) {
  XR_CHECK(view.dtype == dtype, "{}: {} has the type {}: it must be {}", operation, name, name_of(view.dtype),
           name_of(dtype));
}

/// f32 or bf16, of a layout that the shape can have.
inline void require_activation(const char* operation, const char* name, const ConstView& view) {
  XR_CHECK(view.dtype == DType::f32 || view.dtype == DType::bf16, "{}: {} has the type {}: use f32 or bf16",
           operation, name, name_of(view.dtype));
  XR_CHECK(view.layout == Layout::contiguous || view.shape.rank() == 4,
           "{}: {} has the shape {}: only (N, C, H, W) can be {}", operation, name, view.shape.to_string(),
           name_of(view.layout));
  XR_CHECK(view.layout != Layout::blocked16 || view.shape[1] % 16 == 0,
           "{}: {} has the shape {}: blocked16 needs a multiple of 16 channels", operation, name,
           view.shape.to_string());
}

/// a and b: one shape, one layout and one type.
inline void require_same_kind(const char* operation, const char* name_a, const ConstView& a,
                              const char* name_b, const ConstView& b) {
  require_same_form(operation, name_a, a, name_b, b);
  require_dtype(operation, name_b, b, a.dtype);
}

/// f32 or bf16, contiguous (N, classes).
inline void require_rows(const char* operation, const char* name, const ConstView& view) {
  require_activation(operation, name, view);
  require_contiguous(operation, name, view);
  XR_CHECK(view.shape.rank() == 2, "{}: {} has the shape {}: it must be (N, classes)", operation, name,
           view.shape.to_string());
}

/// f32, one value per channel (or per class).
inline void require_vector(const char* operation, const char* name, const ConstView& view,
                           std::int64_t length) {
  require_dtype(operation, name, view, DType::f32);
  XR_CHECK(view.numel() == length, "{}: {} has the shape {}: it must hold {} values", operation, name,
           view.shape.to_string(), length);
}

/// Calls call(T()) with the element type of an activation.
template <class Call>
void with_activation_type(const char* operation, DType dtype, Call&& call) {
  switch (dtype) {
    case DType::f32:
      return call(float());
    case DType::bf16:
      return call(Bf16());
    default:
      throw Error(fmt::format("{}: activations of type {} have no kernel: use f32 or bf16", operation,
                              name_of(dtype)));
  }
}

}  // namespace xr::kernels
