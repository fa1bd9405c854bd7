// CUDA's built-in vector types, global and with CUDA's alignments.
#pragma once

// NOLINTBEGIN(readability-identifier-naming, bugprone-macro-parentheses): CUDA's names

#define XR_SIMT_VECTOR2(type, scalar, alignment)   \
  struct alignas(alignment) type {                 \
    scalar x, y;                                   \
  };                                               \
  constexpr type make_##type(scalar x, scalar y) { \
    return {x, y};                                 \
  }
#define XR_SIMT_VECTOR3(type, scalar)                        \
  struct type {                                              \
    scalar x, y, z;                                          \
  };                                                         \
  constexpr type make_##type(scalar x, scalar y, scalar z) { \
    return {x, y, z};                                        \
  }
#define XR_SIMT_VECTOR4(type, scalar, alignment)                       \
  struct alignas(alignment) type {                                     \
    scalar x, y, z, w;                                                 \
  };                                                                   \
  constexpr type make_##type(scalar x, scalar y, scalar z, scalar w) { \
    return {x, y, z, w};                                               \
  }

XR_SIMT_VECTOR2(uchar2, unsigned char, 2)
XR_SIMT_VECTOR2(ushort2, unsigned short, 4)
XR_SIMT_VECTOR2(int2, int, 8)
XR_SIMT_VECTOR2(uint2, unsigned, 8)
XR_SIMT_VECTOR2(float2, float, 8)
XR_SIMT_VECTOR2(double2, double, 16)
XR_SIMT_VECTOR2(longlong2, long long, 16)
XR_SIMT_VECTOR2(ulonglong2, unsigned long long, 16)

XR_SIMT_VECTOR3(int3, int)
XR_SIMT_VECTOR3(uint3, unsigned)
XR_SIMT_VECTOR3(float3, float)

XR_SIMT_VECTOR4(uchar4, unsigned char, 4)
XR_SIMT_VECTOR4(ushort4, unsigned short, 8)
XR_SIMT_VECTOR4(int4, int, 16)
XR_SIMT_VECTOR4(uint4, unsigned, 16)
XR_SIMT_VECTOR4(float4, float, 16)

#undef XR_SIMT_VECTOR2
#undef XR_SIMT_VECTOR3
#undef XR_SIMT_VECTOR4

struct dim3 {
  unsigned x, y, z;
  // NOLINTNEXTLINE(google-explicit-constructor): a number is a one-dimensional extent, as in CUDA
  constexpr dim3(unsigned size_x = 1, unsigned size_y = 1, unsigned size_z = 1)
      : x(size_x), y(size_y), z(size_z) {}
};

// NOLINTEND(readability-identifier-naming, bugprone-macro-parentheses)
