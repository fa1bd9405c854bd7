// conv2d with 3x3 taps and stride 1, forward and backward data: the implicit matrix product over halo tiles
// (conv2d_3x3.h). The numbers are those of conv2d_implicit_gemm.cu; here a block of 256 results x 64 columns
// reads 41 KB of pixels and 74 KB of taps (f32, 32 channels) from the L2 cache for 9.4 million operations:
// 80 for a byte.
//
// Backward data is the same convolution of dy with the taps turned around and the channels exchanged.
#include "kernels/cuda/conv2d/conv2d_3x3.h"
#include "kernels/cuda/conv2d/conv2d_filter_copy.h"
#include "kernels/cuda/gemm/gemm_variants.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

/// to[slice][tap][column][channel % 32], perhaps with the taps turned around.
struct SliceOrder {
  Divisor of_taps;
  int columns;
  bool turned;

  [[nodiscard]] __device__ __forceinline__ int operator()(int item) const {
    const int column = of_taps.quotient(item), tap = of_taps.remainder(item, column);
    return ((turned ? 8 - tap : tap) * columns + column) * slice_channels;
  }
  [[nodiscard]] __device__ __forceinline__ int of_channel(int channel) const { return channel * 9 * columns; }
};
static_assert(slice_channels == filter_tile_channels);

template <class T>
const T* copy_taps(KernelBackend& backend, const ConstView& filter, bool transpose_and_turn) {
  T* const to = static_cast<T*>(backend.workspace(static_cast<std::size_t>(filter.numel()) * sizeof(T)));
  const int columns = to_int(filter.shape[transpose_and_turn ? 1 : 0], "channels");
  copy_filter(backend, "conv2d_copy_taps", filter, transpose_and_turn,
              SliceOrder{Divisor(9), columns, transpose_and_turn}, to);
  return to;
}

enum class Pass { forward, backward_data };

/// With two stages of taps: one is multiplied while the next one is on its way.
template <int M, int N, int WarpsM, int WarpsN>
using HaloTileShape = TileShape<M, N, WarpsM, WarpsN, 2, true>;

template <Pass pass, Math math, class T>
void launch_math(KernelBackend& backend, Conv3x3 g, std::int64_t bytes, std::int64_t operations) {
  const ResultTiles small(g.tiles.batch, g.tiles.height, g.tiles.width, 8);
  const ResultTiles large(g.tiles.batch, g.tiles.height, g.tiles.width, 16);
  const bool fills = large.count() * ceil_div(g.columns, 64) >= blocks_to_fill;
  const int preferred = g.columns <= 32 ? 0 : fills && large.use(16) > 0.9 * small.use(8) ? 2 : 1;
  const auto launch = [&](auto shape) {
    using Shape = decltype(shape);
    using Product = Product3x3<math, T, Shape>;
    static const std::string name =
        fmt::format("conv2d_{}_{}_{}", pass == Pass::forward ? "forward" : "backward_data",
                    variant_of<Shape>(), name_of(math));
    g.tiles = Product::rows == 8 ? small : large;
    const std::int64_t blocks = g.tiles.count() * ceil_div(g.columns, Shape::n);
    backend.run({name.c_str(), static_cast<unsigned>(to_int(blocks, "the number of tiles")), Shape::threads,
                 Product::shared_bytes, bytes, operations},
                conv2d_3x3_kernel<Product>, g);
  };
  using Narrow = HaloTileShape<128, 32, 4, 1>;
  using Small = HaloTileShape<128, 64, 2, 2>;
  using Large = HaloTileShape<256, 64, 4, 1>;
  const std::string& forced = backend.options().variant;
  if constexpr (math == Math::tf32x3)  // the large tile's fragments do not fit the registers
    with_shape<Narrow, Small>(forced, std::min(preferred, 1), launch);
  else
    with_shape<Narrow, Small, Large>(forced, preferred, launch);
}

template <Pass pass, class T>
void launch(KernelBackend& backend, const Conv3x3& g, std::int64_t bytes, std::int64_t operations) {
  if constexpr (sizeof(T) == 2)
    launch_math<pass, Math::bf16, T>(backend, g, bytes, operations);
  else if (backend.options().precision == Precision::fp32)
    launch_math<pass, Math::tf32x3, T>(backend, g, bytes, operations);
  else
    launch_math<pass, Math::tf32, T>(backend, g, bytes, operations);
}

}  // namespace

bool suits_3x3(const Conv2dProblem& problem, const ConstView& source) {
  const Conv2dParams& p = problem.params;
  // Offsets inside of a halo have 32 bits.
  const std::int64_t row = std::max(problem.in_w * problem.in_channels, problem.out_w * problem.out_channels);
  return p.groups == 1 && suits_implicit_gemm(problem, source) && row < std::int64_t{1} << 26 &&
         problem.kernel_h == 3 && problem.kernel_w == 3 && p.stride_h == 1 && p.stride_w == 1 &&
         p.dilation_h == 1 && p.dilation_w == 1 && source.shape[1] % slice_channels == 0;
}

bool fills_3x3_tiles(std::int64_t height, std::int64_t width) {
  return ResultTiles(1, static_cast<int>(height), static_cast<int>(width), 8).use(8) >= 0.7;
}

void launch_3x3(KernelBackend& backend, const Conv2dProblem& problem, const Conv2dForward& call) {
  const Conv2dShape s = to_shape(problem);
  with_activation_type("conv2d_forward", problem.activation, [&](auto type) {
    using T = decltype(type);
    const Conv3x3 g{.source = {call.x.data, s.in_h, s.in_w, s.in_channels},
                    .tiles = {s.batch, s.out_h, s.out_w, 8},
                    .begin_h = -s.padding_h,
                    .begin_w = -s.padding_w,
                    .filter = copy_taps<T>(backend, call.filter, false),
                    .columns = s.out_channels,
                    .bias = call.bias.as<float>(),
                    .result = call.y.data,
                    .write = GradientWrite::overwrite,
                    .aligned = is_aligned(call.y.data) && s.out_channels % vector_width<T> == 0};
    launch<Pass::forward, T>(backend, g, call.bytes(), problem.operations());
  });
}

void launch_3x3(KernelBackend& backend, const Conv2dProblem& problem, const Conv2dBackwardData& call) {
  const Conv2dShape s = to_shape(problem);
  with_activation_type("conv2d_backward_data", problem.activation, [&](auto type) {
    using T = decltype(type);
    const Conv3x3 g{.source = {call.dy.data, s.out_h, s.out_w, s.out_channels},
                    .tiles = {s.batch, s.in_h, s.in_w, 8},
                    .begin_h = s.padding_h - 2,
                    .begin_w = s.padding_w - 2,
                    .filter = copy_taps<T>(backend, call.filter, true),
                    .columns = s.in_channels,
                    .bias = nullptr,
                    .result = call.dx.data,
                    .write = call.write,
                    .aligned = is_aligned(call.dx.data) && s.in_channels % vector_width<T> == 0};
    launch<Pass::backward_data, T>(backend, g, call.bytes(), problem.operations());
  });
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
