// Elements of global memory as floats: one at a time or 16 bytes at a time, f32 or bf16 in memory.
#pragma once

#include <cstdint>

#include "kernels/common/bf16.h"
#include "kernels/common/checks.h"
#include "kernels/common/types.h"
#include "kernels/cuda/device/grid.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

/// Elements of type T that one 16-byte access moves: 4 or 8.
template <class T>
constexpr int vector_width = 16 / static_cast<int>(sizeof(T));

/// Width neighbouring elements in registers. Width is 1, or vector_width<T> with 16-byte aligned addresses.
template <class T, int Width>
struct Elements {
  float value[Width];

  [[nodiscard]] __device__ __forceinline__ static Elements load(const T* from) {
    Elements result;
    if constexpr (Width == 1) {
      result.value[0] = to_float(*from);
    } else {
      static_assert(Width == vector_width<T>);
      T raw[Width];
      const uint4 packed = *reinterpret_cast<const uint4*>(from);
      memcpy(raw, &packed, sizeof packed);
#pragma unroll
      for (int i = 0; i < Width; ++i) result.value[i] = to_float(raw[i]);
    }
    return result;
  }

  __device__ __forceinline__ void store(T* to) const {
    if constexpr (Width == 1) {
      *to = from_float<T>(value[0]);
    } else {
      T raw[Width];
#pragma unroll
      for (int i = 0; i < Width; ++i) raw[i] = from_float<T>(value[i]);
      uint4 packed;
      memcpy(&packed, raw, sizeof packed);
      *reinterpret_cast<uint4*>(to) = packed;
    }
  }

  /// Stores, or adds to what is there.
  __device__ __forceinline__ void write(T* to, GradientWrite mode) const {
    if (mode == GradientWrite::overwrite) return store(to);
    Elements sum = load(to);
#pragma unroll
    for (int i = 0; i < Width; ++i) sum.value[i] += value[i];
    sum.store(to);
  }
};

/// Width neighbouring floats: 1, or multiples of 4 at 16-byte aligned addresses.
template <int Width>
__device__ __forceinline__ void load_floats(const float* from, float (&to)[Width]) {
  if constexpr (Width == 1) {
    to[0] = *from;
  } else {
    static_assert(Width % 4 == 0);
#pragma unroll
    for (int i = 0; i < Width; i += 4) {
      const float4 part = *reinterpret_cast<const float4*>(from + i);
      to[i] = part.x;
      to[i + 1] = part.y;
      to[i + 2] = part.z;
      to[i + 3] = part.w;
    }
  }
}
template <int Width>
__device__ __forceinline__ void store_floats(float* to, const float (&from)[Width]) {
  if constexpr (Width == 1) {
    *to = from[0];
  } else {
    static_assert(Width % 4 == 0);
#pragma unroll
    for (int i = 0; i < Width; i += 4)
      *reinterpret_cast<float4*>(to + i) = make_float4(from[i], from[i + 1], from[i + 2], from[i + 3]);
  }
}

/// Calls f.template at<Width>(index) for all of `count` elements: in vectors first, what is left one by one.
/// `vectors` is the number of whole vectors, 0 where an address is not aligned.
template <int Width, class F>
__global__ void elementwise_kernel(F f, std::int64_t vectors, std::int64_t count) {
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = first; i < vectors; i += step) f.template at<Width>(i * Width);
#pragma unroll 1  // mostly less than a vector
  for (std::int64_t i = vectors * Width + first; i < count; i += step) f.template at<1>(i);
}

/// Whole vectors in `count` elements whose arrays begin at `addresses`.
template <int Width, class... Pointer>
[[nodiscard]] std::int64_t whole_vectors(std::int64_t count, const Pointer*... addresses) {
  const bool aligned = ((reinterpret_cast<std::uintptr_t>(addresses) % 16 == 0) && ...);
  return aligned ? count / Width : 0;
}

constexpr int elementwise_threads = 256;

/// Blocks for elementwise_kernel.
template <int Width>
[[nodiscard]] dim3 elementwise_blocks(std::int64_t vectors, std::int64_t count) {
  return blocks_for(std::max(vectors, count - vectors * Width), elementwise_threads);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
