// How broadcasting and its reverse walk contiguous tensors, for every backend. Shapes are aligned at the
// right, an extent of 1 (or a missing one) repeats, as in NumPy.
#pragma once

#include <array>
#include <cstdint>

#include "kernels/common/types.h"

namespace xr::kernels {

/// How two operands are read for a contiguous output. Neighbouring dimensions that both operands walk evenly
/// are merged, so the last extent is as long as possible; its strides are 0 (repeated) or 1.
struct Broadcast {
  static constexpr std::size_t max_rank = Shape::max_rank;
  std::size_t rank = 0;
  std::array<std::int64_t, max_rank> extent{}, stride_a{}, stride_b{};

  Broadcast(const char* operation, const Shape& a, const Shape& b, const Shape& y) {
    std::array<std::int64_t, max_rank> full_a = strides(operation, a, y), full_b = strides(operation, b, y);
    for (std::size_t d = 0; d < y.rank(); ++d) {
      if (y[d] == 1) continue;
      const bool merge =
          rank > 0 && stride_a[rank - 1] == full_a[d] * y[d] && stride_b[rank - 1] == full_b[d] * y[d];
      if (!merge) extent[rank++] = 1;
      extent[rank - 1] *= y[d];
      stride_a[rank - 1] = full_a[d];
      stride_b[rank - 1] = full_b[d];
    }
    if (rank == 0) extent[rank++] = 1;
  }

  /// Whether vectors of `width` neighbouring outputs stay within the last dimension and read whole vectors,
  /// or one repeated value, of the operand with these strides.
  [[nodiscard]] bool moves_in_vectors(const std::array<std::int64_t, max_rank>& stride, int width) const {
    for (std::size_t d = 0; d + 1 < rank; ++d)
      if (stride[rank - 1] == 1 && stride[d] % width != 0) return false;
    return extent[rank - 1] % width == 0;
  }

 private:
  /// Strides of a contiguous operand along the dimensions of y; 0 where it repeats.
  static std::array<std::int64_t, max_rank> strides(const char* operation, const Shape& operand,
                                                    const Shape& y) {
    XR_CHECK(operand.rank() <= y.rank(), "{}: the shape {} cannot be broadcast to {}: it has more dimensions",
             operation, operand.to_string(), y.to_string());
    std::array<std::int64_t, max_rank> result{};
    const std::size_t missing = y.rank() - operand.rank();
    std::int64_t stride = 1;
    for (std::size_t d = operand.rank(); d-- > 0;) {
      XR_CHECK(operand[d] == y[d + missing] || operand[d] == 1,
               "{}: the shape {} cannot be broadcast to {}: an extent must be equal or 1", operation,
               operand.to_string(), y.to_string());
      result[d + missing] = operand[d] == 1 ? 0 : stride;
      stride *= operand[d];
    }
    return result;
  }
};

/// A few dimensions of a contiguous tensor walked as one index.
struct Walk {
  std::size_t rank = 0;
  std::array<std::int64_t, Shape::max_rank> extent{}, stride{};

  void push_front(std::int64_t new_extent, std::int64_t new_stride) {
    for (std::size_t d = rank; d > 0; --d) {
      extent[d] = extent[d - 1];
      stride[d] = stride[d - 1];
    }
    extent[0] = new_extent;
    stride[0] = new_stride;
    ++rank;
  }
  [[nodiscard]] std::int64_t count() const {
    std::int64_t product = 1;
    for (std::size_t d = 0; d < rank; ++d) product *= extent[d];
    return product;
  }
  [[nodiscard]] constexpr std::int64_t offset(std::int64_t index) const {
    std::int64_t result = 0;
#if defined(__CUDA_ARCH__)
#pragma unroll 1  // three dimensions at most: nvcc would write the divisions of four
#endif
    for (std::size_t d = rank; d-- > 0; index /= extent[d]) result += index % extent[d] * stride[d];
    return result;
  }
};

/// x summed to the shape of y. Neighbouring dimensions of one kind are merged, so that every case is: outputs
/// (outer x columns), each the sum over rows x run elements, where either the last dimension is kept (columns
/// > 1, run 1) or it is summed (columns 1).
struct Reduction {
  Walk outer, rows;
  std::int64_t columns = 1, run = 1;

  Reduction(const Shape& x, const Shape& y) {
    const std::size_t missing = x.rank() - y.rank();
    std::int64_t stride = 1;
    for (std::size_t d = x.rank(); d-- > 0;) {
      const bool summed = d < missing || y[d - missing] == 1;
      XR_CHECK(summed || y[d - missing] == x[d],
               "sum_to_shape: {} cannot be summed to {}: an extent must be equal or 1", x.to_string(),
               y.to_string());
      if (x[d] == 1) continue;
      std::int64_t& last = summed ? run : columns;
      const bool innermost = stride == last && (summed ? columns : run) == 1;
      if (innermost)
        last *= x[d];
      else
        (summed ? rows : outer).push_front(x[d], stride);
      stride *= x[d];
    }
  }
};

}  // namespace xr::kernels
