// The filter gradient of conv2d as an implicit matrix product, channels_last on both sides:
//
//   d_filter (O, kH kW C) = dy (N H' W', O)^T taps of x (N H' W', kH kW C);  d_bias (O) = dy^T ones
//
// The depth is long (N H' W') and the result small, so the depth is cut into parts, each a block's work;
// their sums go to the workspace in the order O, kH, kW, C and a second pass adds them up in order, into the
// filter's O, C, kH, kW.
//
// Bytes: x, dy and the filter once. Operations: 2 N H' W' O C kH kW. Of the report's second layer, batch 60:
// 287 MB and 27 GFLOP; three tiles of 64 x 128 in 88 parts each, whose sums are 6.5 MB in the L2 cache.
//
//   single_stage  one stage: copy, wait, multiply
//   pipelined     a ring of 4 stages (gemm_tile.h)
#include "kernels/cuda/conv2d/conv2d_implicit_gemm.h"
#include "kernels/cuda/gemm/gemm_variants.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

template <class Product>
void launch_product(KernelBackend& backend, const Conv2dProblem& problem, const Conv2dBackwardFilter& call,
                    const char* name) {
  using Shape = typename Product::Shape;
  const Conv2dShape s = to_shape(problem);
  const int results = s.batch * s.out_h * s.out_w, rows = s.out_channels / s.groups,
            columns = s.taps() * (s.in_channels / s.groups);
  const std::int64_t tiles = ceil_div(rows, Shape::m) * ceil_div(columns, Shape::n);
  const std::int64_t depth_tiles = ceil_div(results, Product::depth);
  constexpr std::int64_t min_depth_tiles = 16;
  const std::int64_t parts = std::clamp<std::int64_t>(
      std::min(blocks_to_fill / (tiles * s.groups), depth_tiles / min_depth_tiles), 1, blocks_to_fill);
  const std::int64_t per_split = ceil_div(depth_tiles, parts);
  const FilterPartials partials =
      make_filter_partials(backend, call, static_cast<int>(ceil_div(depth_tiles, per_split)), true);
  const ImplicitGemmFilter g{.grid = grid_of_results(s),
                             .x = call.x.data,
                             .dy = call.dy.data,
                             .rows = rows,
                             .pixel_stride = s.out_channels,
                             .results_per_split = static_cast<int>(per_split) * Product::depth,
                             .partials = partials,
                             .aligned = is_aligned(partials.filter) && columns % 4 == 0 &&
                                        (partials.splits == 1 || partials.row_length() % 4 == 0)};
  const dim3 grid(static_cast<unsigned>(to_int(tiles, "the number of tiles")),
                  static_cast<unsigned>(partials.splits), static_cast<unsigned>(s.groups));
  backend.run({name, grid, Shape::threads, Product::shared_bytes, call.bytes(), problem.operations()},
              implicit_gemm_filter_kernel<Product>, g);
  sum_filter_partials(backend, call, partials);
}

template <Math math, class T>
void launch_math(KernelBackend& backend, const Conv2dProblem& problem, const Conv2dBackwardFilter& call) {
  const std::int64_t columns = problem.filter_shape()[1] * problem.kernel_h * problem.kernel_w;
  const int preferred = problem.out_channels / problem.params.groups <= 32 ? 0 : columns > 64 ? 1 : 2;
  with_shape<TileShape<32, 128, 1, 4, 4>, TileShape<64, 128, 1, 4, 4>, TileShape<64, 64, 2, 2, 4>,
             TileShape<64, 64, 2, 2, 1>>(backend.options().variant, preferred, [&](auto shape) {
    using Shape = decltype(shape);
    constexpr int depth = stage_row_bytes / static_cast<int>(sizeof(T));
    using Product = TileProduct<Shape, OperandTile<math, T, false, Shape::m, depth>,
                                OperandTile<math, T, false, Shape::n, depth>>;
    static const std::string name =
        fmt::format("conv2d_backward_filter_{}_{}", variant_of<Shape>(), name_of(math));
    launch_product<Product>(backend, problem, call, name.c_str());
  });
}

}  // namespace

void launch_implicit_gemm(KernelBackend& backend, const Conv2dProblem& problem,
                          const Conv2dBackwardFilter& call) {
  if (problem.activation == DType::bf16)
    launch_math<Math::bf16, Bf16>(backend, problem, call);
  else if (backend.options().precision == Precision::fp32)
    launch_math<Math::tf32x3, float>(backend, problem, call);
  else
    launch_math<Math::tf32, float>(backend, problem, call);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
