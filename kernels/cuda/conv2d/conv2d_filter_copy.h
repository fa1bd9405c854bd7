// Copies of a filter in the orders in which the implicit matrix products of conv2d read it: f32 (O, C, kH, kW)
// to columns, taps and channels, with the channel fastest. Columns and channels are O and C for forward, C and
// O for backward data (transposed).
//
// Bytes: the filter read once, the copy written once. The order of memory changes, so a warp takes tiles of 32
// channels x up to 32 items through shared memory, an item being a tap of a column:
//
//   forward     the taps of one column: with all of them the tile is one run of memory
//   transposed  neighbours of (column, tap): a run for each channel
//
//             read: neighbours in memory                       written: 32 channels of an item
//               item 0  1  2 ...                                 channel 0  1  2  3 ... 31
//   channel 0     -> -> ->                                item 0        -> -> -> -> ... ->
//           1     -> -> ->                                     1        -> -> -> -> ... ->
#pragma once

#include "kernels/cuda/conv2d/conv2d.h"
#include "kernels/cuda/fast_division.h"
#include "kernels/cuda/gemm/gemm_fragments.h"
#include "kernels/cuda/reduce.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

constexpr int filter_tile_channels = 32, max_filter_tile_items = 32, filter_copy_warps = 4;

/// How a filter is cut into tiles. Items are numbered column by column, tap by tap.
struct FilterTiles {
  int count;
  Divisor of_slices, of_chunks;    ///< tiles: slices of channels in chunks of items in rows
  int row_items, channels;         ///< items of a row, channels of all
  int row_stride, channel_stride;  ///< floats from row to row, from channel to channel
  int items;                       ///< of a tile
  bool is_run;                     ///< whether the channels of a tile follow each other in memory
  int tile_stride;                 ///< floats from channel to channel in shared memory

  FilterTiles(int columns, int channels_in, int taps, bool transposed)
      : row_items(transposed ? columns * taps : taps),
        channels(channels_in),
        row_stride(channels_in * taps),
        channel_stride(transposed ? columns * taps : taps) {
    const auto pieces = [](int extent, int most) { return static_cast<int>(ceil_div(extent, most)); };
    items = transposed ? max_filter_tile_items : pieces(taps, pieces(taps, max_filter_tile_items));
    // A multiple of 8 apart, the channels would lie in four banks or fewer.
    is_run = !transposed && items == taps && taps % 8 != 0;
    tile_stride = is_run ? items : items | 1;
    const int slices = pieces(channels, filter_tile_channels), chunks = pieces(row_items, items);
    of_slices = Divisor(slices);
    of_chunks = Divisor(chunks);
    count = to_int(static_cast<std::int64_t>(transposed ? 1 : columns) * chunks * slices,
                   "the number of tiles of a filter");
  }

  [[nodiscard]] std::size_t shared_bytes() const {
    return static_cast<std::size_t>(filter_copy_warps * filter_tile_channels * tile_stride) * sizeof(float);
  }
};

/// order(item) + order.of_channel(first channel of a tile) + channel in the tile: where an element goes.
template <class T, class Order>
__global__ void __launch_bounds__(32 * filter_copy_warps)
    copy_filter_kernel(const float* filter, FilterTiles tiles, Order order, bool round_to_tf32, T* to) {
  XR_DYNAMIC_SHARED(float, shared);
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  float* const tile = shared + warp * filter_tile_channels * tiles.tile_stride;
  for (int number = static_cast<int>(blockIdx.x) * filter_copy_warps + warp; number < tiles.count;
       number += static_cast<int>(gridDim.x) * filter_copy_warps) {
    const int chunk_number = tiles.of_slices.quotient(number);
    const int channel = tiles.of_slices.remainder(number, chunk_number) * filter_tile_channels;
    const int row = tiles.of_chunks.quotient(chunk_number);
    const int item = tiles.of_chunks.remainder(chunk_number, row) * tiles.items;
    const int channels = min(filter_tile_channels, tiles.channels - channel);
    const int items = min(tiles.items, tiles.row_items - item);
    const float* from = filter + row * tiles.row_stride + channel * tiles.channel_stride + item + lane;
    __syncwarp();  // the last tile has been read
    if (tiles.is_run) {
      const int count = channels * items - lane;
#pragma unroll 8
      for (int i = 0; i < count; i += 32) tile[i + lane] = from[i];
    } else if (lane < items) {
#pragma unroll 16
      for (int c = 0; c < channels; ++c) {
        tile[c * tiles.tile_stride + lane] = *from;
        from += tiles.channel_stride;
      }
    }
    const int target = order.of_channel(channel) + order(row * tiles.row_items + item + min(lane, items - 1));
    __syncwarp();
    const float* const mine = tile + lane * tiles.tile_stride;
#pragma unroll 8
    for (int k = 0; k < items; ++k) {
      const int place = __shfl_sync(whole_warp, target, k) + lane;
      if (lane < channels) to[place] = operand_of<T>(mine[k], round_to_tf32);
    }
  }
}

/// Queues the copy of a filter (O, C, kH, kW), which is not empty.
template <class T, class Order>
void copy_filter(KernelBackend& backend, const char* name, const ConstView& filter, bool transposed,
                 const Order& order, T* to) {
  (void)to_int(filter.numel(), "the size of a filter");
  const int out = to_int(filter.shape[0], "channels"), in = to_int(filter.shape[1], "channels");
  const FilterTiles tiles(transposed ? in : out, transposed ? out : in,
                          to_int(filter.shape[2] * filter.shape[3], "taps"), transposed);
  backend.run(
      {name, blocks_for(tiles.count, filter_copy_warps), 32 * filter_copy_warps, tiles.shared_bytes()},
      copy_filter_kernel<T, Order>, filter.as<float>(), tiles, order,
      backend.options().precision != Precision::fp32, to);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
