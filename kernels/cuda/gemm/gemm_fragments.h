// Operand tiles in shared memory and how a warp takes its share of them into registers, for the matrix
// products of matmul, linear and conv2d.
//
// A tile holds `Extent` rows of op(a) or columns of op(b), and `Depth` of the dimension that is summed over.
// In memory either the depth is contiguous, or the extent is; the tile keeps the order that it finds. Its
// rows are cut into chunks of 16 bytes, the unit of cp.async and ldmatrix, and chunk c of row r lies at chunk
// c ^ swizzle(r): the accesses of a warp below then fall into different banks of shared memory, which plain
// rows of 128 bytes would not.
//
// Who holds what of one tensor core instruction (PTX ISA, "Matrix fragments for mma"): "lane:register".
//
// mma.m16n8k8, TF32, one element to a register:
//
//   a (16 x 8)                                               b (8 x 8)
//            k 0    1    2    3    4    5    6    7                 n 0    1    2  ...    7
//   row 0    0:0  1:0  2:0  3:0  0:2  1:2  2:2  3:2          k 0    0:0  4:0  8:0 ... 28:0
//       1    4:0  5:0  6:0  7:0  4:2  5:2  6:2  7:2            1    1:0  5:0  9:0 ... 29:0
//       ...                                                    2    2:0  6:0 10:0 ... 30:0
//       7   28:0 29:0 30:0 31:0 28:2 29:2 30:2 31:2            3    3:0  7:0 11:0 ... 31:0
//       8    0:1  1:1  2:1  3:1  0:3  1:3  2:3  3:3            4    0:1  4:1  8:1 ... 28:1
//       ...                                                    ...
//       15  28:1 29:1 30:1 31:1 28:3 29:3 30:3 31:3            7    3:1  7:1 11:1 ... 31:1
//
//   sums (16 x 8), both instructions
//            n 0    1    2    3    4    5    6    7
//   row 0    0:0  0:1  1:0  1:1  2:0  2:1  3:0  3:1
//       1    4:0  4:1  5:0  5:1  6:0  6:1  7:0  7:1
//       ...
//       7   28:0 28:1 29:0 29:1 30:0 30:1 31:0 31:1
//       8    0:2  0:3  1:2  1:3  2:2  2:3  3:2  3:3
//       ...
//       15  28:2 28:3 29:2 29:3 30:2 30:3 31:2 31:3
//
// mma.m16n8k16, bf16: the same drawings of a and b with a pair of depths, 2 k (low half) and 2 k + 1, in place
// of each k.
//
// Where the depth is contiguous, ldmatrix_x4 fills all four registers of a at once: lanes 0-7 give the addresses of rows 0-7, lanes 8-15 of
// rows 8-15 (registers 0 and 1, the first chunk of the depth), lanes 16-31 of the same rows one chunk on
// (registers 2 and 3). Of b it fills two instructions' worth: 8 columns, then the next 8.
#pragma once

#include <cstdint>

#include "kernels/common/bf16.h"
#include "kernels/cuda/device/device.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

/// How the products of a tile are computed.
enum class Math {
  tf32,    ///< operands rounded to TF32
  tf32x3,  ///< with the accuracy of f32: each operand is the sum of two TF32 numbers; three products
  bf16,    ///< operands bf16 or rounded to it
};

/// Depth of one tensor core instruction.
[[nodiscard]] constexpr int mma_depth(Math math) {
  return math == Math::bf16 ? 16 : 8;
}

/// A thread's share of a 16 x mma_depth (Registers = 4) or mma_depth x 8 (Registers = 2) operand.
template <Math math, int Registers>
struct Fragment {
  std::uint32_t value[Registers];
};
template <int Registers>
struct Fragment<Math::tf32x3, Registers> {
  std::uint32_t value[Registers], rest[Registers];  // operand = value + rest
};

template <int Registers>
__device__ __forceinline__ void set(Fragment<Math::tf32, Registers>& fragment, int i, float operand) {
  fragment.value[i] = to_tf32(operand);
}
/// The rest needs no rounding: of its 12 bits the tensor core drops at most the last. An infinite operand
/// gives NaN where one product would give infinity: its rest is none, and zeros of the other operand's rest
/// meet it.
template <int Registers>
__device__ __forceinline__ void set(Fragment<Math::tf32x3, Registers>& fragment, int i, float operand) {
  fragment.value[i] = to_tf32(operand);
  fragment.rest[i] = __float_as_uint(operand - __uint_as_float(fragment.value[i]));
}

/// An element of an operand that is copied before: in the operand's type, f32 perhaps rounded to TF32
/// already.
template <class T>
[[nodiscard]] __device__ __forceinline__ T operand_of(float value, bool round_to_tf32) {
  if constexpr (sizeof(T) == 2)
    return {static_cast<std::uint16_t>(pack_bf16(value, 0.0f))};
  else
    return round_to_tf32 ? __uint_as_float(to_tf32(value)) : value;
}

/// From registers as ldmatrix brings them: f32 (for Math::tf32 perhaps already rounded to it), or pairs of
/// bf16.
template <bool rounded, Math math, int Registers>
__device__ __forceinline__ void set(Fragment<math, Registers>& fragment,
                                    const std::uint32_t (&raw)[Registers]) {
#pragma unroll
  for (int i = 0; i < Registers; ++i) {
    if constexpr (math == Math::bf16 || (math == Math::tf32 && rounded))
      fragment.value[i] = raw[i];
    else
      set(fragment, i, __uint_as_float(raw[i]));
  }
}

/// sums += a b
__device__ __forceinline__ void multiply_add(float (&sums)[4], const Fragment<Math::tf32, 4>& a,
                                             const Fragment<Math::tf32, 2>& b) {
  mma_m16n8k8_tf32(sums, a.value, b.value, sums);
}
__device__ __forceinline__ void multiply_add(float (&sums)[4], const Fragment<Math::bf16, 4>& a,
                                             const Fragment<Math::bf16, 2>& b) {
  mma_m16n8k16_bf16(sums, a.value, b.value, sums);
}
/// Left out is the product of the two rests: each is at most 2^-11 of its operand, so it is at most 2^-22 of
/// the product and most often far less. Tensor cores cut their sums off instead of rounding
/// them, so only the 24 products of one depth step are summed there (H. Ootomo, R. Yokota, "Recovering single
/// precision accuracy from Tensor Cores while surpassing the FP32 theoretical peak performance", 2022).
__device__ __forceinline__ void multiply_add(float (&sums)[4], const Fragment<Math::tf32x3, 4>& a,
                                             const Fragment<Math::tf32x3, 2>& b) {
  float part[4] = {0.0f, 0.0f, 0.0f, 0.0f};
  mma_m16n8k8_tf32(part, a.rest, b.value, part);
  mma_m16n8k8_tf32(part, a.value, b.rest, part);
  mma_m16n8k8_tf32(part, a.value, b.value, part);
#pragma unroll
  for (int i = 0; i < 4; ++i) sums[i] += part[i];
}

/// b = 1 in every element: the product is the sum of each row of a.
template <Math math>
[[nodiscard]] __device__ __forceinline__ Fragment<math, 2> fragment_of_ones() {
  Fragment<math, 2> ones{};
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    if constexpr (math == Math::bf16)
      ones.value[i] = pack_bf16(1.0f, 1.0f);
    else
      set(ones, i, 1.0f);
  }
  return ones;
}

/// rounded: for Math::tf32, the elements are TF32 numbers already.
template <Math math_, class T, bool depth_contiguous_, int Extent, int Depth, bool rounded = false>
struct OperandTile {
  using Element = T;
  static constexpr Math math = math_;
  static constexpr bool depth_contiguous = depth_contiguous_;
  static constexpr int extent = Extent, depth = Depth;
  /// As it lies in memory.
  static constexpr int rows = depth_contiguous ? Extent : Depth, columns = depth_contiguous ? Depth : Extent;
  static constexpr int chunk = 16 / static_cast<int>(sizeof(T));  ///< elements
  static constexpr int bytes = rows * columns * static_cast<int>(sizeof(T));

  static_assert(math == Math::bf16 || sizeof(T) == 4, "TF32 takes f32 operands");
  static_assert(columns * sizeof(T) >= 64 && Depth % mma_depth(math) == 0);

  /// Where the element of this row and column of memory lies in the tile.
  [[nodiscard]] __device__ __forceinline__ static int offset(int row, int column) {
    return row * columns + (column ^ swizzle(row) * chunk);
  }

  /// Where a thread begins to read the first or the second operand of a warp whose part of the tile begins at
  /// `at_extent`, a multiple of its length: loop-invariant, all else are constants.
  [[nodiscard]] __device__ __forceinline__ static int first_operand(int at_extent, int lane) {
    if constexpr (!by_ldmatrix) return gather_from(at_extent, lane);
    if constexpr (depth_contiguous) return offset(at_extent + lane % 16, lane / 16 * chunk);
    return offset(lane % 8 + lane / 16 * 8, at_extent + lane / 8 % 2 * 8);
  }
  [[nodiscard]] __device__ __forceinline__ static int second_operand(int at_extent, int lane) {
    if constexpr (!by_ldmatrix) return gather_from(at_extent, lane);
    if constexpr (depth_contiguous) return offset(at_extent + lane % 8 + lane / 16 * 8, lane / 8 % 2 * chunk);
    return offset(lane % 16, at_extent + lane / 16 * 8);
  }

  /// Rows [at_extent, at_extent + 16) of the warp at depth [at_depth, at_depth + mma_depth), `from` being
  /// first_operand().
  __device__ __forceinline__ static void load(Fragment<math, 4>& a, const T* tile, int from, int at_extent,
                                              int at_depth) {
    std::uint32_t raw[4];
    if constexpr (by_ldmatrix && depth_contiguous) {
      ldmatrix_x4(raw, tile + moved(from, at_extent, at_depth));
    } else if constexpr (by_ldmatrix) {
      ldmatrix_x4_trans(raw, tile + moved(from, at_extent, at_depth));
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i)
        raw[i] = gather(tile, moved(from, at_extent + i % 2 * 8, at_depth + i / 2 * (mma_depth(math) / 2)));
    }
    set<rounded>(a, raw);
  }

  /// Columns [at_extent, at_extent + 8) of the warp and the 8 after them, `from` being second_operand().
  __device__ __forceinline__ static void load(Fragment<math, 2>& b0, Fragment<math, 2>& b1, const T* tile,
                                              int from, int at_extent, int at_depth) {
    std::uint32_t raw[4];
    if constexpr (by_ldmatrix && depth_contiguous) {
      ldmatrix_x4(raw, tile + moved(from, at_extent, at_depth));
    } else if constexpr (by_ldmatrix) {
      ldmatrix_x4_trans(raw, tile + moved(from, at_extent, at_depth));
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i)
        raw[i] = gather(tile, moved(from, at_extent + i / 2 * 8, at_depth + i % 2 * (mma_depth(math) / 2)));
    }
    const std::uint32_t first[2] = {raw[0], raw[1]}, second[2] = {raw[2], raw[3]};
    set<rounded>(b0, first);
    set<rounded>(b1, second);
  }

 private:
  /// ldmatrix moves pairs of 16-bit elements: bf16 in either order (it can transpose these), or f32 as pairs
  /// that must stay together.
  static constexpr bool by_ldmatrix = sizeof(T) == 2 || (math != Math::bf16 && depth_contiguous);

  /// Has a period of 8 rows.
  [[nodiscard]] __device__ __forceinline__ static int swizzle(int row) {
    if constexpr (by_ldmatrix && columns * sizeof(T) == 64)
      return row / 2 & 3;  // two rows to the 128 bytes of all banks
    else if constexpr (by_ldmatrix)
      return row & 7;
    else if constexpr (math == Math::bf16 && !depth_contiguous)
      return (row / 2 & 3) * 2;  // gather() reads rows 2 (lane % 4), 8 elements of each
    else
      return (row & 3) * 2;  // gather() reads rows lane % 4, or lane / 4 in two steps
  }

  /// offset() further on by multiples of 8. The columns that a thread begins with have other bits than
  /// these, so that the exclusive or of offset() is done with.
  [[nodiscard]] __device__ __forceinline__ static int moved(int from, int at_extent, int at_depth) {
    if constexpr (depth_contiguous) return (from ^ at_depth) + at_extent * columns;
    return (from ^ at_extent) + at_depth * columns;
  }

  [[nodiscard]] __device__ __forceinline__ static int gather_from(int at_extent, int lane) {
    const int e = at_extent + lane / 4, d = lane % 4 * (math == Math::bf16 ? 2 : 1);
    return depth_contiguous ? offset(e, d) : offset(d, e);
  }

  /// One register without ldmatrix: an f32 element, or two of neighbouring depth as bf16.
  [[nodiscard]] __device__ __forceinline__ static std::uint32_t gather(const T* tile, int from) {
    if constexpr (math != Math::bf16) {
      return __float_as_uint(tile[from]);
    } else if constexpr (depth_contiguous) {
      const float2 pair = *reinterpret_cast<const float2*>(tile + from);
      return pack_bf16(pair.x, pair.y);
    } else {
      return pack_bf16(tile[from], tile[from + columns]);  // rows 2 i and 2 i + 1 share a swizzle
    }
  }
};

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
