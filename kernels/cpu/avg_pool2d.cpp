// Average pooling, any window, stride and padding (at most half the window).
//
// y = sum over the window / divisor; the divisor is the window's size, or with count_include_pad = false the
// number of its positions inside the image. Backward gathers dy / divisor, so overlapping windows need no
// atomics. Bytes moved: x + y, and dy + dx.
#include "kernels/common/checks.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/pool2d.h"

namespace xr::kernels::cpu {

namespace {

// to[p][lane] = from[p from_step + lane] / divisor of output column first + p.
template <class From, class To>
void divide(const PoolGeometry& g, std::int64_t oh, IndexRange columns, std::int64_t lanes, const From* from,
            std::int64_t from_step, To* to) {
  const Pool2dParams& p = g.params;
  const std::int64_t rows = p.count_include_pad ? p.kernel_h : g.taps_of_row(oh).count();
  for (std::int64_t ow = columns.begin; ow < columns.end; ++ow, from += from_step, to += lanes) {
    const std::int64_t width = p.count_include_pad ? p.kernel_w : g.taps_of_column(ow).count();
    const auto divisor = static_cast<float>(rows * width);
    for (std::int64_t i = 0; i < lanes; ++i) to[i] = from_float<To>(to_float(from[i]) / divisor);
  }
}

template <class T>
void forward_row(const PoolGeometry& g, std::int64_t plane, std::int64_t oh, const T* x, T* y) {
  alignas(64) float sums[pool_buffer];
  const IndexRange rows = g.taps_of_row(oh);
  const std::int64_t top = oh * g.params.stride_h - g.params.padding_h, pixel_stride = g.in.lanes;
  for_each_strip(g.out, [&](IndexRange columns, std::int64_t lane, std::int64_t lanes) {
    std::fill(sums, sums + columns.count() * lanes, 0.0f);
    for (std::int64_t kh = rows.begin; kh < rows.end; ++kh) {
      const T* row = x + ((plane * g.in.height + top + kh) * g.in.width) * pixel_stride + lane;
      for (std::int64_t kw = 0; kw < g.params.kernel_w; ++kw) {
        const IndexRange valid = g.columns_with(kw, columns);
        if (valid.count() > 0)
          add_pixels(row + g.column_of(valid.begin, kw) * pixel_stride, g.params.stride_w * pixel_stride,
                     sums + (valid.begin - columns.begin) * lanes, lanes, valid.count(), lanes);
      }
    }
    // A strip of all lanes is contiguous in y; one of some lanes is a single pixel wide.
    divide(g, oh, columns, lanes, sums, lanes,
           y + ((plane * g.out.height + oh) * g.out.width + columns.begin) * g.out.lanes + lane);
  });
}

// row: the gradients of row h of a plane of the input, in float.
template <class T>
void backward_row(const PoolGeometry& g, std::int64_t plane, std::int64_t h, const T* dy, float* row) {
  alignas(64) float share[pool_buffer];
  const IndexRange over = g.rows_over(h);
  for (std::int64_t oh = over.begin; oh < over.end; ++oh)
    for_each_strip(g.out, [&](IndexRange columns, std::int64_t lane, std::int64_t lanes) {
      divide(g, oh, columns, lanes,
             dy + ((plane * g.out.height + oh) * g.out.width + columns.begin) * g.out.lanes + lane,
             g.out.lanes, share);
      for (std::int64_t kw = 0; kw < g.params.kernel_w; ++kw) {
        const IndexRange valid = g.columns_with(kw, columns);
        if (valid.count() > 0)
          add_pixels(share + (valid.begin - columns.begin) * lanes, lanes,
                     row + g.column_of(valid.begin, kw) * g.in.lanes + lane, g.params.stride_w * g.in.lanes,
                     valid.count(), lanes);
      }
    });
}

}  // namespace

void CpuBackend::compute(const AvgPool2dForward& call) {
  const PoolGeometry g(call.params, call.x, call.y);
  with_activation_type(call.name, call.x.dtype, [&](auto type) {
    using T = decltype(type);
    for_each_row(g.out, [&](std::int64_t plane, std::int64_t oh) {
      forward_row(g, plane, oh, call.x.as<T>(), call.y.as<T>());
    });
  });
}

void CpuBackend::compute(const AvgPool2dBackward& call) {
  const PoolGeometry g(call.params, call.dx, call.dy);
  with_activation_type(call.name, call.dx.dtype, [&](auto type) {
    using T = decltype(type);
    add_to_rows(g.in, call.write, call.dx.as<T>(), [&](std::int64_t plane, std::int64_t h, float* row) {
      backward_row(g, plane, h, call.dy.as<T>(), row);
    });
  });
}

}  // namespace xr::kernels::cpu
