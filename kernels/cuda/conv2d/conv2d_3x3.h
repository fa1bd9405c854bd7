// The implicit matrix product for 3x3 convolutions with stride 1 and channels in multiples of 32: a block takes
// its pixels to shared memory once, with their border (the halo tile), and all nine taps read them there.
// conv2d_implicit_gemm.h reads each pixel nine times from the L2 cache, whose 5 TB/s then bind TF32 (21
// operations for a byte: 107 TFLOP/s) and bf16 (43: 213 TFLOP/s).
//
// A block's results, for TileShape<128, 64, 2, 2, ...>: 8 rows of 16 pixels, 64 channels.
//
//   halo tile: 10 rows of 18 pixels, 32 channels        results: 8 rows of 16 pixels, 64 channels
//
//            0 1             16 17                                   channels 0-31   32-63
//        0   . . . . ... . . . .                          rows 0-3 |    warp 0   |   warp 1   |
//        1   . o o o ... o o o .                          rows 4-7 |    warp 2   |   warp 3   |
//      ...   . o o o ... o o o .
//        8   . o o o ... o o o .                          A row of 16 results is the 16 rows of a tensor core
//        9   . . . . ... . . . .                          operand a: a warp has tiles_m = 4 of them, and
//                                                         tiles_n = 4 instructions of 8 channels.
//
// For tap (r, q), lanes 0-15 of a warp give ldmatrix the pixels of row (result row + r), columns q to q + 15,
// and lanes 16-31 the same pixels one chunk of 16 bytes (4 f32 or 8 bf16 channels) on.
#pragma once

#include "kernels/cuda/conv2d/conv2d.h"
#include "kernels/cuda/conv2d/filter_partials.h"
#include "kernels/cuda/gemm/gemm_loaders.h"
#include "kernels/cuda/gemm/gemm_tile.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

constexpr int slice_channels = 32;  ///< that are in shared memory at a time
constexpr int tile_width = 16;      ///< results beside each other: the rows of one tensor core operand
constexpr int halo_width = tile_width + 2;

/// A channels_last activation.
struct PixelImage {
  const void* data;
  int height, width, channels;
};

/// The pixels that Rows x 16 results see, in shared memory: (Rows + 2) x 18 pixels of 32 channels. Chunks of
/// 16 bytes are swizzled as in OperandTile, here by the pixel's column, so that the same holds for every tap.
template <class T, bool by_ldmatrix, int Rows>
struct HaloTile {
  static constexpr int rows = Rows + 2, chunk = 16 / static_cast<int>(sizeof(T));
  static constexpr int row_elements = halo_width * slice_channels;
  static constexpr int bytes = rows * row_elements * static_cast<int>(sizeof(T));

  [[nodiscard]] __device__ __forceinline__ static int offset(int row, int column, int channel) {
    return row * row_elements + column * slice_channels + (channel ^ swizzle(column) * chunk);
  }

  /// Queues the copies of the halo whose first pixel is (n, h, w) of the image, 0 outside.
  template <int Threads>
  __device__ __forceinline__ static void load(T* halo, const PixelImage& image, int n, int h, int w,
                                              int channel) {
    constexpr int per_pixel = slice_channels / chunk, count = rows * halo_width * per_pixel;
    constexpr int passes = (count + Threads - 1) / Threads;
    const T* const first =
        static_cast<const T*>(image.data) +
        (static_cast<std::int64_t>(n * image.height + h) * image.width + w) * image.channels + channel;
#pragma unroll 6
    for (int k = 0; k < passes; ++k) {
      const int i = static_cast<int>(threadIdx.x) + k * Threads;
      if (count % Threads != 0 && k == passes - 1 && i >= count) break;
      const int row = i / per_pixel / halo_width, column = i / per_pixel % halo_width;
      const int c = i % per_pixel * chunk;
      const bool inside = static_cast<unsigned>(h + row) < static_cast<unsigned>(image.height) &&
                          static_cast<unsigned>(w + column) < static_cast<unsigned>(image.width);
      copy_async<16>(halo + offset(row, column, c), first + (row * image.width + column) * image.channels + c,
                     inside ? 16 : 0);
    }
  }

 private:
  [[nodiscard]] __device__ __forceinline__ static int swizzle(int column) {
    if constexpr (!by_ldmatrix)
      return (column & 3) * 2;  // read by columns lane % 4, 8 channels of each
    else if constexpr (sizeof(T) == 2)
      return column / 2 & 3;  // two pixels to the 128 bytes of all banks
    else
      return column & 7;
  }
};

/// How results are cut into tiles of `rows` x 16.
struct ResultTiles {
  int batch, height, width;  ///< results
  int tiles_h, tiles_w;      ///< of an image

  ResultTiles() = default;
  ResultTiles(int batch_in, int height_in, int width_in, int rows)
      : batch(batch_in),
        height(height_in),
        width(width_in),
        tiles_h((height_in + rows - 1) / rows),
        tiles_w((width_in + tile_width - 1) / tile_width) {}
  [[nodiscard]] __host__ __device__ int count() const { return batch * tiles_h * tiles_w; }
  /// The part of the tiles' results that exists.
  [[nodiscard]] double use(int rows) const {
    return static_cast<double>(height) * width / (static_cast<double>(tiles_h) * rows * tiles_w * tile_width);
  }
};

/// Tiles one after the other: image n, first result (i, j).
template <int Rows>
struct TileWalk {
  int n, i, j;

  __device__ TileWalk(const ResultTiles& tiles, int tile)
      : n(tile / (tiles.tiles_h * tiles.tiles_w)),
        i(tile / tiles.tiles_w % tiles.tiles_h * Rows),
        j(tile % tiles.tiles_w * tile_width) {}
  __device__ __forceinline__ void next(const ResultTiles& tiles) {
    j += tile_width;
    if (j < tiles.width) return;
    j = 0;
    i += Rows;
    if (i < tiles.height) return;
    i = 0;
    ++n;
  }
};

/// result = source * filter (+ bias), the first tap of result (i, j) at pixel (i + begin_h, j + begin_w).
struct Conv3x3 {
  PixelImage source;
  ResultTiles tiles;
  int begin_h, begin_w;
  const void* filter;  ///< (slices, 3, 3, columns, 32 channels), for Math::tf32 rounded to it
  int columns;
  const float* bias;
  void* result;
  GradientWrite write;
  bool aligned;  ///< the result's pixels, to 16 bytes
};

/// Shape::m results = Shape::m / 16 rows of 16, Shape::n columns.
template <Math math_, class T_, class Shape_>
class Product3x3 : public TileSums<Shape_, math_> {
 public:
  using T = T_;
  using Shape = Shape_;
  using Sums = TileSums<Shape_, math_>;
  using Sums::math, Sums::tiles_m, Sums::tiles_n;
  static constexpr int rows = Shape::m / tile_width;
  using Pixels = HaloTile<T, true, rows>;
  using Tap = OperandTile<math, T, true, Shape::n, slice_channels, true>;  ///< columns x channels of one tap
  static constexpr int stage_bytes = 3 * Tap::bytes;                       ///< a row of taps
  static constexpr int operand_bytes = Pixels::bytes + Shape::stages * stage_bytes;
  static constexpr int shared_bytes = operand_bytes > Sums::result_bytes ? operand_bytes : Sums::result_bytes;

  __device__ __forceinline__ void run(const Conv3x3& g, const TileWalk<rows>& tile, int column,
                                      char* shared) {
    T* const halo = reinterpret_cast<T*>(shared);
    char* const stages = shared + Pixels::bytes;
    const int slices = g.source.channels / slice_channels;
    constexpr int ahead = Shape::stages - 1;
    const auto load = [&](int step) {
      if (step < 3 * slices)
        load_taps(reinterpret_cast<T*>(stages + step % Shape::stages * stage_bytes), g, step, column);
      copy_async_commit();
    };
    for (int step = 0; step < ahead; ++step) load(step);
    for (int slice = 0; slice < slices; ++slice) {
      if (slice > 0) __syncthreads();  // the last slice's pixels are no longer needed
      Pixels::template load<Shape::threads>(halo, g.source, tile.n, tile.i + g.begin_h, tile.j + g.begin_w,
                                            slice * slice_channels);
      copy_async_commit();
      copy_async_wait<0>();
      for (int r = 0; r < 3; ++r) {
        const int step = 3 * slice + r;
        if (r > 0) copy_async_wait<ahead - 1>();
        __syncthreads();  // these taps (and pixels) are here, and the stage of the taps before is free
        load(step + ahead);
        multiply(halo, reinterpret_cast<const T*>(stages + step % Shape::stages * stage_bytes), r);
      }
    }
    copy_async_wait<0>();
    __syncthreads();
  }

 private:
  __device__ __forceinline__ static void load_taps(T* stage, const Conv3x3& g, int row_of_taps, int column) {
    using Order = ChunkOrder<Tap, Shape::threads>;
    const std::int64_t first = static_cast<std::int64_t>(3 * row_of_taps) * g.columns + column + Order::row();
    const T* const from = static_cast<const T*>(g.filter) + first * slice_channels + Order::column();
#pragma unroll
    for (int q = 0; q < 3; ++q)
#pragma unroll
      for (int k = 0; k < Order::count; ++k) {
        const int row = k * Order::step;
        copy_async<16>(stage + q * (Tap::bytes / static_cast<int>(sizeof(T))) +
                           Tap::offset(Order::row() + row, Order::column()),
                       from + (static_cast<std::int64_t>(q) * g.columns + row) * slice_channels,
                       column + Order::row() + row < g.columns ? 16 : 0);
      }
  }

  /// Adds row r of the taps.
  __device__ __forceinline__ void multiply(const T* halo, const T* stage, int r) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const int b_from = Tap::second_operand(Sums::warp_column(), lane);
#pragma unroll
    for (int q = 0; q < 3; ++q) {
      const T* const taps = stage + q * (Tap::bytes / static_cast<int>(sizeof(T)));
      const int a_from =
          Pixels::offset(Sums::warp_row() / tile_width + r, lane % 16 + q, lane / 16 * Pixels::chunk);
#pragma unroll
      for (int k = 0; k < slice_channels; k += mma_depth(math)) {
        Fragment<math, 4> a[tiles_m];
        Fragment<math, 2> b[tiles_n];
#pragma unroll
        for (int i = 0; i < tiles_m; ++i) {
          std::uint32_t raw[4];
          ldmatrix_x4(raw, halo + ((a_from ^ k) + i * Pixels::row_elements));
          set<false>(a[i], raw);
        }
#pragma unroll
        for (int j = 0; j < tiles_n; j += 2) Tap::load(b[j], b[j + 1], taps, b_from, 8 * j, k);
        this->add(a, b);
      }
    }
  }
};

template <class Product>
__global__ void __launch_bounds__(Product::Shape::threads, min_blocks<Product::math>)
    conv2d_3x3_kernel(Conv3x3 g) {
  using Shape = typename Product::Shape;
  using T = typename Product::T;
  XR_DYNAMIC_SHARED(char, shared);
  const int tiles_n = (g.columns + Shape::n - 1) / Shape::n;  // neighbouring blocks share their pixels
  const TileWalk<Product::rows> tile(g.tiles, static_cast<int>(blockIdx.x) / tiles_n);
  const int column = static_cast<int>(blockIdx.x) % tiles_n * Shape::n;
  Product product;
  product.run(g, tile, column, shared);
  auto* const result = reinterpret_cast<float*>(shared);
  product.to_shared(result);
  const auto offset = [&](int row) -> std::int64_t {
    const int h = tile.i + row / tile_width, w = tile.j + row % tile_width;
    if (h >= g.tiles.height || w >= g.tiles.width) return -1;
    return static_cast<std::int64_t>((tile.n * g.tiles.height + h) * g.tiles.width + w) * g.columns;
  };
  write_results<Product>(result, column, g.columns, static_cast<T*>(g.result), offset, g.bias, g.write,
                         g.aligned);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
