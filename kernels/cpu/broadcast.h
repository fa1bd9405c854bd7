// NumPy's broadcasting over contiguous tensors: the shapes are aligned at the right, an extent of 1 (or a
// missing one) repeats. Used by add, multiply and broadcast_to.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "kernels/cpu/parallel.h"
#include "kernels/types.h"

namespace xr::kernels::cpu {

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

  /// Calls row(position in the output, offset in a, offset in b, count) for pieces of the last dimension, in
  /// parallel.
  template <class Row>
  void for_each_row(std::int64_t numel, Row&& row) const {
    const std::int64_t inner = extent[rank - 1];
    parallel_ranges(numel, 65536, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t position = begin; position < end;) {
        const std::int64_t column = position % inner, count = std::min(inner - column, end - position);
        std::int64_t rest = position / inner, offset_a = column * stride_a[rank - 1],
                     offset_b = column * stride_b[rank - 1];
        for (std::size_t d = rank - 1; d-- > 0; rest /= extent[d]) {
          offset_a += rest % extent[d] * stride_a[d];
          offset_b += rest % extent[d] * stride_b[d];
        }
        row(position, offset_a, offset_b, count);
        position += count;
      }
    });
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

}  // namespace xr::kernels::cpu
