// reorder: x (N, C, H, W) of any element type, copied into the other layout; equal layouts are a plain copy.
//
// Each image is a matrix: contiguous (C, H W), channels_last (H W, C), so reordering is a transposition.
// Bytes: x and y once each; no arithmetic. Bound by memory.
// The variant `tiles` moves tiles of 32x32 through shared memory, so that a warp reads and writes
// neighbours (a column of padding keeps the transposed access off a single bank: Harris, "An efficient matrix
// transpose in CUDA", 2013). The variant `few_channels` is for up to 8 channels, where most of a tile
// would be empty: a thread moves all channels of a pixel, and the warp's accesses to the channels_last side
// meet in the cache.
#include <string>

#include "kernels/cuda/activation.h"
#include "kernels/cuda/kernel_backend.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

constexpr int tile = 32, tile_rows = 8, few_channels = 8;
constexpr const char *tiles_kernel = "reorder_tiles", *few_channels_kernel = "reorder_few_channels";

/// x: matrices of rows x columns; y: each transposed. One block per tile.
template <class Element>
__global__ void __launch_bounds__(tile* tile_rows)
    transpose_kernel(const Element* x, Element* y, int rows, int columns, int row_tiles, int column_tiles) {
  __shared__ Element elements[tile][tile + 1];
  const Division across = divide(blockIdx.x, column_tiles), down = divide(across.quotient, row_tiles);
  const std::int64_t matrix = down.quotient * rows * columns;
  const int row = down.remainder * tile, column = across.remainder * tile;
  const int lane = static_cast<int>(threadIdx.x);
  for (int i = static_cast<int>(threadIdx.y); i < tile; i += tile_rows)
    if (row + i < rows && column + lane < columns)
      elements[i][lane] = x[matrix + static_cast<std::int64_t>(row + i) * columns + column + lane];
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.y); i < tile; i += tile_rows)
    if (column + i < columns && row + lane < rows)
      y[matrix + static_cast<std::int64_t>(column + i) * rows + row + lane] = elements[lane][i];
}

template <class Element, bool ToChannelsLast>
struct MovePixel {
  const Element* x;
  Element* y;
  int channels, pixels;  ///< of an image

  __device__ void operator()(std::int64_t item) const {
    const Division image = divide(item, pixels);
    const std::int64_t planes = image.quotient * pixels * channels + image.remainder;
    for (int c = 0; c < channels; ++c) {
      const std::int64_t in_planes = planes + static_cast<std::int64_t>(c) * pixels;
      if constexpr (ToChannelsLast)
        y[item * channels + c] = x[in_planes];
      else
        y[in_planes] = x[item * channels + c];
    }
  }
};

/// The number of channels decides, unless BackendOptions::variant names a kernel.
bool moves_pixels(const KernelBackend& backend, int channels) {
  const std::string& variant = backend.options().variant;
  return variant == "few_channels" || (variant != "tiles" && channels <= few_channels);
}

template <class Element>
void transpose(KernelBackend& backend, const ConstView& x, const View& y) {
  const Shape& shape = x.shape;
  const int channels = to_int(shape[1], "the number of channels"),
            pixels = to_int(shape[2] * shape[3], "the number of pixels");
  const bool to_channels_last = y.layout == Layout::channels_last;
  LaunchPlan plan{tiles_kernel, {}, {}, 0, static_cast<std::int64_t>(2 * x.bytes()), 0};
  if (moves_pixels(backend, channels)) {
    const std::int64_t all_pixels = shape[0] * pixels;
    plan.kernel = few_channels_kernel;
    plan.grid = blocks_for(all_pixels, elementwise_threads);
    plan.block = elementwise_threads;
    if (to_channels_last)
      return backend.run(plan, for_each_kernel<MovePixel<Element, true>>,
                         MovePixel<Element, true>{x.as<Element>(), y.as<Element>(), channels, pixels},
                         all_pixels);
    return backend.run(plan, for_each_kernel<MovePixel<Element, false>>,
                       MovePixel<Element, false>{x.as<Element>(), y.as<Element>(), channels, pixels},
                       all_pixels);
  }
  const int rows = to_channels_last ? channels : pixels, columns = to_channels_last ? pixels : channels;
  const int row_tiles = static_cast<int>(ceil_div(rows, tile)),
            column_tiles = static_cast<int>(ceil_div(columns, tile));
  plan.grid = static_cast<unsigned>(to_int(shape[0] * row_tiles * column_tiles, "reorder: the tiles"));
  plan.block = dim3(tile, tile_rows);
  backend.run(plan, transpose_kernel<Element>, x.as<Element>(), y.as<Element>(), rows, columns, row_tiles,
              column_tiles);
}

}  // namespace

void KernelBackend::compute(const Reorder& call) {
  with_layout("reorder", call.x.layout, [](auto) {});
  with_layout("reorder", call.y.layout, [](auto) {});
  if (call.x.numel() == 0) return;
  // With one channel or one pixel the two layouts are the same.
  if (call.x.layout == call.y.layout || call.x.shape[1] == 1 || call.x.shape[2] * call.x.shape[3] == 1)
    return copy(call.y.data, call.x.data, call.x.bytes());
  switch (size_of(call.x.dtype)) {
    case 1:
      return transpose<std::uint8_t>(*this, call.x, call.y);
    case 2:
      return transpose<std::uint16_t>(*this, call.x, call.y);
    case 4:
      return transpose<std::uint32_t>(*this, call.x, call.y);
    default:
      return transpose<std::uint64_t>(*this, call.x, call.y);
  }
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
