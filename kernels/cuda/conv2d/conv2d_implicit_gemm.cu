// conv2d as an implicit matrix product, forward and backward data, channels_last on both sides. No im2col
// matrix is written: the loader of the first operand computes where each tap's pixel lies.
//
//   forward  y (N H' W', O) = taps of x (N H' W', kH kW C) filter^T (kH kW C, O) + bias
//   data     dx (N H W, C)  = taps of dy (N H W, kH kW O) filter (kH kW O, C). With stride s each residue of
//            (h, w) modulo s has a launch of its own, since it sees only every s-th tap: no product with
//            zero.
//
// The filter is copied to the order columns, taps, channels (in bf16 where the activations are) before
// (conv2d_filter_copy.h): a few hundred KB.
//
// Bytes: x, y and the filter once. Operations: 2 N H' W' O C kH kW. Of the report's second layer, batch 60,
// 32 x 113 x 113 to 64 x 111 x 111: 287 MB and 27 GFLOP: 0.1 ms of memory at 3 TB/s; 0.07 ms of arithmetic at
// 400 TFLOP/s (TF32).
//
//   single_stage  one stage: copy, wait, multiply. The copies' latency is exposed but for other blocks.
//   pipelined     a ring of 3 or 4 stages (gemm_tile.h).
#include "kernels/cuda/conv2d/conv2d_implicit_gemm.h"

#include <numeric>

#include "kernels/cuda/conv2d/conv2d_filter_copy.h"
#include "kernels/cuda/elements.h"
#include "kernels/cuda/gemm/gemm_variants.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

/// The taps of one dimension, sorted by their remainder by `step`: those with remainder 0 first.
struct SortedTaps {
  int kernel, step;

  [[nodiscard]] __host__ __device__ int count(int remainder) const {
    return (kernel - remainder + step - 1) / step;
  }
  [[nodiscard]] __host__ __device__ int before(int remainder) const {
    return kernel / step * remainder + (kernel % step < remainder ? kernel % step : remainder);
  }
};

/// The copy of a filter: for each pair of remainders of the taps (r, q) by (step_h, step_w) a part
/// [column][tap][channel]. With steps of 1 that is one part.
struct TapOrder {
  Divisor of_taps, of_row;  ///< kH kW, kW
  SortedTaps h, w;
  int columns, channels;

  [[nodiscard]] __device__ __forceinline__ int operator()(int item) const {
    const int column = of_taps.quotient(item), tap = of_taps.remainder(item, column);
    if (h.step == 1 && w.step == 1) return item * channels;
    const int r = of_row.quotient(tap), q = of_row.remainder(tap, r);
    const int row = column * h.count(r % h.step) + r / h.step;
    return part(r % h.step, q % w.step) + (row * w.count(q % w.step) + q / w.step) * channels;
  }
  [[nodiscard]] __device__ __forceinline__ int of_channel(int channel) const { return channel; }
  /// Where the part of these remainders begins.
  [[nodiscard]] __host__ __device__ int part(int remainder_h, int remainder_w) const {
    return (h.before(remainder_h) * w.kernel + h.count(remainder_h) * w.before(remainder_w)) * columns *
           channels;
  }
};

/// Of a filter of one tap the order in memory is the copy's.
template <class T>
struct RoundElement {
  const float* filter;
  T* to;
  bool round_to_tf32;

  template <int Width>
  __device__ void at(std::int64_t index) const {
    float values[Width];
    load_floats(filter + index, values);
    Elements<T, Width> rounded;
#pragma unroll
    for (int i = 0; i < Width; ++i) rounded.value[i] = to_float(operand_of<T>(values[i], round_to_tf32));
    rounded.store(to + index);
  }
};

/// The filter in the order and type of the products' operand: itself if it is that already.
template <class T>
const T* copy_filter(KernelBackend& backend, const ConstView& filter, bool transposed,
                     const TapOrder& order) {
  constexpr int width = vector_width<T>;
  const std::int64_t count = filter.numel();
  const bool in_order = order.of_taps.divisor() == 1 && !transposed;
  const bool rounds = sizeof(T) == 2 || backend.options().precision != Precision::fp32;
  if (in_order && !rounds && is_aligned(filter.data)) return static_cast<const T*>(filter.data);
  T* const to = static_cast<T*>(backend.workspace(static_cast<std::size_t>(count) * sizeof(T)));
  if (count == 0) return to;
  if (in_order) {
    const std::int64_t vectors = whole_vectors<width>(count, filter.data);
    backend.run({"conv2d_round_filter", elementwise_blocks<width>(vectors, count), elementwise_threads},
                elementwise_kernel<width, RoundElement<T>>, RoundElement<T>{filter.as<float>(), to, rounds},
                vectors, count);
  } else {
    copy_filter(backend, "conv2d_copy_filter", filter, transposed, order, to);
  }
  return to;
}

/// Of each group's filter (O / groups, C / groups, kH, kW) a copy for the data gradient, one after another.
template <class T>
const T* copy_transposed(KernelBackend& backend, const ConstView& filter, int groups, const TapOrder& order) {
  if (groups == 1) return copy_filter<T>(backend, filter, true, order);
  const Shape part{filter.shape[0] / groups, filter.shape[1], filter.shape[2], filter.shape[3]};
  T* const to = static_cast<T*>(backend.workspace(static_cast<std::size_t>(filter.numel()) * sizeof(T)));
  for (int group = 0; group < groups; ++group) {
    const std::int64_t first = group * part.numel();
    copy_filter(backend, "conv2d_copy_filter", {filter.as<float>() + first, part}, true, order, to + first);
  }
  return to;
}

enum class Pass { forward, backward_data };

template <Pass pass, Math math, class T>
void launch_math(KernelBackend& backend, const ImplicitGemm& g, std::int64_t bytes, std::int64_t operations) {
  const int groups = g.result_pixel_stride / g.columns;
  const std::int64_t large_tiles = ceil_div(g.grid.results, 128) * ceil_div(g.columns, 64) * groups;
  const int preferred = g.columns <= 32 ? 0 : large_tiles >= blocks_to_fill ? 1 : 2;
  with_shape<TileShape<128, 32, 4, 1, 4>, TileShape<128, 64, 2, 2, 3>, TileShape<64, 64, 2, 2, 4>,
             TileShape<64, 64, 2, 2, 1>>(backend.options().variant, preferred, [&](auto shape) {
    using Shape = decltype(shape);
    constexpr int depth = stage_row_bytes / static_cast<int>(sizeof(T));
    using Product = TileProduct<Shape, OperandTile<math, T, true, Shape::m, depth>,
                                OperandTile<math, T, true, Shape::n, depth, true>>;
    static const std::string name =
        fmt::format("conv2d_{}_{}_{}", pass == Pass::forward ? "forward" : "backward_data",
                    variant_of<Shape>(), name_of(math));
    const std::int64_t tiles = ceil_div(g.grid.results, Shape::m) * ceil_div(g.columns, Shape::n);
    const dim3 grid(static_cast<unsigned>(to_int(tiles, "the number of tiles")),
                    static_cast<unsigned>(groups));
    backend.run({name.c_str(), grid, Shape::threads, Product::shared_bytes, bytes, operations},
                implicit_gemm_kernel<Product>, g);
  });
}

template <Pass pass, class T>
void launch(KernelBackend& backend, const ImplicitGemm& g, std::int64_t bytes, std::int64_t operations) {
  if constexpr (sizeof(T) == 2)
    launch_math<pass, Math::bf16, T>(backend, g, bytes, operations);
  else if (backend.options().precision == Precision::fp32)
    launch_math<pass, Math::tf32x3, T>(backend, g, bytes, operations);
  else
    launch_math<pass, Math::tf32, T>(backend, g, bytes, operations);
}

/// The rows h = residue + i stride of the input's gradient, as a PixelGrid's words for one dimension.
struct ResidueRows {
  int count, begin, step;  // how many; where the first tap of the first one is in dy; from tap to tap
  int first_tap, tap_step, tap_count;  // which taps they see
};
ResidueRows rows_of_residue(int residue, int in, int kernel, int stride, int padding, int dilation) {
  ResidueRows rows{(in - residue + stride - 1) / stride, 0, 0, 0, stride / std::gcd(stride, dilation), 0};
  // h + padding - r dilation = i' stride has solutions r for one residue of r modulo tap_step, or none.
  while (rows.first_tap < rows.tap_step && (residue + padding - rows.first_tap * dilation) % stride != 0)
    ++rows.first_tap;
  if (rows.first_tap < rows.tap_step && rows.first_tap < kernel)
    rows.tap_count = (kernel - rows.first_tap + rows.tap_step - 1) / rows.tap_step;
  rows.begin = (residue + padding - rows.first_tap * dilation) / stride;
  rows.step = -(rows.tap_step * dilation / stride);
  return rows;
}

}  // namespace

bool suits_implicit_gemm(const Conv2dProblem& problem, const ConstView& source) {
  const std::int64_t piece = problem.activation == DType::bf16 ? 8 : 4;
  return source.shape[1] / problem.params.groups % piece == 0 && is_aligned(source.data) &&
         has_channels_last(problem.x_layout, problem.x_shape()) &&
         has_channels_last(problem.y_layout, problem.y_shape());
}

void launch_implicit_gemm(KernelBackend& backend, const Conv2dProblem& problem, const Conv2dForward& call) {
  const Conv2dShape s = to_shape(problem);
  with_activation_type("conv2d_forward", problem.activation, [&](auto type) {
    using T = decltype(type);
    const TapOrder order{Divisor(s.taps()), Divisor(s.kernel_w), {s.kernel_h, 1},
                         {s.kernel_w, 1},   s.out_channels,      s.in_channels / s.groups};
    const T* const filter = copy_filter<T>(backend, call.filter, false, order);
    const ImplicitGemm g{
        .grid = grid_of_results(s),
        .source = call.x.data,
        .filter = filter,
        .filter_group = call.filter.numel() / s.groups,
        .columns = s.out_channels / s.groups,
        .result_pixel_stride = s.out_channels,
        .bias = call.bias.as<float>(),
        .result = call.y.data,
        .write = GradientWrite::overwrite,
        .aligned = is_aligned(call.y.data) && s.out_channels / s.groups % vector_width<T> == 0,
        .result_height = s.out_h,
        .result_width = s.out_w,
        .result_stride_h = 1,
        .result_stride_w = 1,
        .result_begin_h = 0,
        .result_begin_w = 0};
    launch<Pass::forward, T>(backend, g, call.bytes(), problem.operations());
  });
}

namespace {

/// The pixels (h, w) of dx with one residue modulo the stride.
template <class T>
void launch_residue(KernelBackend& backend, const Conv2dShape& s, const Conv2dBackwardData& call,
                    int residue_h, int residue_w, const T* filter, const TapOrder& order, std::int64_t bytes,
                    std::int64_t operations) {
  const ResidueRows h = rows_of_residue(residue_h, s.in_h, s.kernel_h, s.stride_h, s.padding_h, s.dilation_h);
  const ResidueRows w = rows_of_residue(residue_w, s.in_w, s.kernel_w, s.stride_w, s.padding_w, s.dilation_w);
  const bool no_taps = h.tap_count == 0 || w.tap_count == 0;
  if (no_taps && call.write == GradientWrite::accumulate) return;
  const ImplicitGemm g{.grid = {.results = s.batch * h.count * w.count,
                                .of_image = Divisor(h.count * w.count),
                                .of_row = Divisor(w.count),
                                .stride_h = 1,
                                .stride_w = 1,
                                .begin_h = h.begin,
                                .begin_w = w.begin,
                                .taps_h = no_taps ? 0 : h.tap_count,
                                .taps_w = std::max(w.tap_count, 1),
                                .step_h = h.step,
                                .step_w = w.step,
                                .height = s.out_h,
                                .width = s.out_w,
                                .channels = s.out_channels / s.groups,
                                .pixel_stride = s.out_channels},
                       .source = call.dy.data,
                       .filter = no_taps ? filter : filter + order.part(h.first_tap, w.first_tap),
                       .filter_group = call.filter.numel() / s.groups,
                       .columns = s.in_channels / s.groups,
                       .result_pixel_stride = s.in_channels,
                       .bias = nullptr,
                       .result = call.dx.data,
                       .write = call.write,
                       .aligned = is_aligned(call.dx.data) && s.in_channels / s.groups % vector_width<T> == 0,
                       .result_height = s.in_h,
                       .result_width = s.in_w,
                       .result_stride_h = s.stride_h,
                       .result_stride_w = s.stride_w,
                       .result_begin_h = residue_h,
                       .result_begin_w = residue_w};
  launch<Pass::backward_data, T>(backend, g, bytes, operations);
}

}  // namespace

void launch_implicit_gemm(KernelBackend& backend, const Conv2dProblem& problem,
                          const Conv2dBackwardData& call) {
  const Conv2dShape s = to_shape(problem);
  with_activation_type("conv2d_backward_data", problem.activation, [&](auto type) {
    using T = decltype(type);
    const TapOrder order{Divisor(s.taps()),
                         Divisor(s.kernel_w),
                         {s.kernel_h, s.stride_h / std::gcd(s.stride_h, s.dilation_h)},
                         {s.kernel_w, s.stride_w / std::gcd(s.stride_w, s.dilation_w)},
                         s.in_channels / s.groups,
                         s.out_channels / s.groups};
    const T* const filter = copy_transposed<T>(backend, call.filter, s.groups, order);
    bool first = true;  // the launch that states what the operation must do
    for (int h = 0; h < std::min(s.stride_h, s.in_h); ++h)
      for (int w = 0; w < std::min(s.stride_w, s.in_w); ++w) {
        launch_residue(backend, s, call, h, w, filter, order, first ? call.bytes() : 0,
                       first ? problem.operations() : 0);
        first = false;
      }
  });
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
