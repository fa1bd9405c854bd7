// NumPy's broadcasting over contiguous tensors, row by row. Used by add, multiply and broadcast_to.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/common/broadcast.h"
#include "kernels/common/parallel.h"

namespace xr::kernels::cpu {

/// Calls row(position in the output, offset in a, offset in b, count) for pieces of the last dimension, in
/// parallel.
template <class Row>
void for_each_row(const Broadcast& plan, std::int64_t numel, Row&& row) {
  const std::int64_t inner = plan.extent[plan.rank - 1];
  parallel_ranges(numel, elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t position = begin; position < end;) {
      const std::int64_t column = position % inner, count = std::min(inner - column, end - position);
      std::int64_t rest = position / inner, offset_a = column * plan.stride_a[plan.rank - 1],
                   offset_b = column * plan.stride_b[plan.rank - 1];
      for (std::size_t d = plan.rank - 1; d-- > 0; rest /= plan.extent[d]) {
        offset_a += rest % plan.extent[d] * plan.stride_a[d];
        offset_b += rest % plan.extent[d] * plan.stride_b[d];
      }
      row(position, offset_a, offset_b, count);
      position += count;
    }
  });
}

}  // namespace xr::kernels::cpu
