// The geometry of a pooling window, and the loop that max and average pooling share.
//
// Both work row by row: for each tap (row, column) of the window, one loop adds (or compares) that tap for a
// whole row of outputs. Rows stay in the first-level cache, the loop runs over contiguous lanes in every
// layout, and clipping at the padding is only a shorter loop.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/backend.h"
#include "kernels/cpu/channel_layout.h"
#include "kernels/cpu/elements.h"
#include "kernels/ops/pool2d.h"

namespace xr::kernels::cpu {

struct IndexRange {
  std::int64_t begin, end;
  [[nodiscard]] std::int64_t count() const { return std::max<std::int64_t>(0, end - begin); }
};

struct PoolGeometry {
  Pool2dParams params;
  ChannelLayout in, out;

  PoolGeometry(const Pool2dParams& p, const ConstView& x, const ConstView& y)
      : params(p), in(spatial_layout(x.shape, x.layout)), out(spatial_layout(y.shape, y.layout)) {}

  /// Rows of the window of output row `oh` that lie in the image.
  [[nodiscard]] IndexRange taps_of_row(std::int64_t oh) const {
    const std::int64_t top = oh * params.stride_h - params.padding_h;
    return {std::max<std::int64_t>(0, -top), std::min(params.kernel_h, in.height - top)};
  }
  /// Columns of the window of output column `ow` that lie in the image.
  [[nodiscard]] IndexRange taps_of_column(std::int64_t ow) const {
    const std::int64_t left = ow * params.stride_w - params.padding_w;
    return {std::max<std::int64_t>(0, -left), std::min(params.kernel_w, in.width - left)};
  }
  /// Output rows whose window contains input row `h`.
  [[nodiscard]] IndexRange rows_over(std::int64_t h) const {
    const std::int64_t last = h + params.padding_h, first = last - params.kernel_h + 1;
    return {first <= 0 ? 0 : (first + params.stride_h - 1) / params.stride_h,
            std::min(out.height, last / params.stride_h + 1)};
  }
  /// Output columns in `within` for which column `kw` of the window lies in the image.
  [[nodiscard]] IndexRange columns_with(std::int64_t kw, IndexRange within) const {
    const std::int64_t first = params.padding_w - kw, last = in.width - 1 + first;
    if (last < 0) return {0, 0};
    return {std::max(within.begin, first <= 0 ? 0 : (first + params.stride_w - 1) / params.stride_w),
            std::min(within.end, last / params.stride_w + 1)};
  }
  /// Input column of column `kw` of the window of output column `ow`.
  [[nodiscard]] std::int64_t column_of(std::int64_t ow, std::int64_t kw) const {
    return ow * params.stride_w - params.padding_w + kw;
  }
};

/// Calls body(plane, row) for all rows of all planes, in parallel, several short rows per task.
template <class Body>
void for_each_row(const ChannelLayout& layout, Body&& body) {
  const std::int64_t elements = std::max<std::int64_t>(1, layout.width * layout.lanes);
  parallel_ranges(layout.planes() * layout.height, std::max<std::int64_t>(1, 32768 / elements),
                  [&](std::int64_t begin, std::int64_t end) {
                    for (std::int64_t row = begin; row < end; ++row)
                      body(row / layout.height, row % layout.height);
                  });
}

/// Outputs of a row that are handled together, so that their buffers fit on the stack: calls
/// body(columns, first lane, lanes), where columns.count() * lanes <= pool_buffer.
inline constexpr std::int64_t pool_buffer = 2048;
template <class Body>
void for_each_strip(const ChannelLayout& out, Body&& body) {
  const std::int64_t lanes = std::clamp<std::int64_t>(out.lanes, 1, pool_buffer),
                     columns = pool_buffer / lanes;
  for (std::int64_t lane = 0; lane < out.lanes; lane += lanes)
    for (std::int64_t column = 0; column < out.width; column += columns)
      body(IndexRange{column, std::min(out.width, column + columns)}, lane,
           std::min(lanes, out.lanes - lane));
}

/// Calls add(plane, row, values) for all rows of all planes of y, in parallel: it adds to the values of the row, which
/// start from 0, or with `accumulate` from y's.
template <class T, class AddToRow>
void add_to_rows(const ChannelLayout& layout, GradientWrite write, T* y, AddToRow&& add) {
  const std::int64_t elements = layout.width * layout.lanes;
  for_each_row(layout, [&](std::int64_t plane, std::int64_t row) {
    T* const start = y + (plane * layout.height + row) * elements;
    const auto add_to = [&](float* values, std::int64_t, std::int64_t) { add(plane, row, values); };
    if (write == GradientWrite::accumulate)
      update_elements(start, elements, elements, add_to);
    else
      write_elements(false, start, elements, elements,
                     [&](float* values, std::int64_t first, std::int64_t count) {
                       std::fill_n(values, count, 0.0f);
                       add_to(values, first, count);
                     });
  });
}

/// to[p to_step + lane] += from[p from_step + lane] for all pixels p and lanes. The two do not overlap.
void add_pixels(const float* from, std::int64_t from_step, float* to, std::int64_t to_step,
                std::int64_t pixels, std::int64_t lanes);
void add_pixels(const Bf16* from, std::int64_t from_step, float* to, std::int64_t to_step,
                std::int64_t pixels, std::int64_t lanes);

}  // namespace xr::kernels::cpu
