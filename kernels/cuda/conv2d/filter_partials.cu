// The second pass of conv2d's filter gradients: adds up the partial sums of a first pass, in fixed order.
//
// A gradient that a kernel computes in one part and in the order of d_filter is written there at once and
// needs no second pass. Partials in the order O, kH, kW, C pass through shared memory, in tiles of 8 channels
// x all taps of an output channel, or of 32 where there are many: a sector or a line is read of each tap, and
// all are written as one run.
//
//                     read: 8 channels of a tap               written: taps of 8 channels
//     d_filter[o]      c 0 1 2 ... 7                            tap 0 1 2 ... 8  0 1 2 ...
//              tap 0     -> -> -> ->                                -> -> -> ->  -> -> ->
//                  1     -> -> -> ->                            c   0            1
//
// Bytes: splits * (O C kH kW + O) * 4 read, d_filter and d_bias written; one addition for each value read.
#include "kernels/cuda/conv2d/filter_partials.h"

#include "kernels/cuda/fast_division.h"
#include "kernels/cuda/sum_partials.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

/// Of partials in the order of the gradients.
struct StoreFilterGradient {
  float *d_filter, *d_bias;
  std::int64_t filter_count;
  GradientWrite write;

  __device__ void operator()(std::int64_t i, float sum) const {
    Elements<float, 1>{{sum}}.write(i < filter_count ? d_filter + i : d_bias + (i - filter_count), write);
  }
};

constexpr int max_filter_sum_taps = 32;

/// Of partials in the order O, taps, C. Tiles of `tile_taps` taps in slices of channels in output channels,
/// then those of d_bias, which lies in a row like an output channel of one tap.
struct FilterSum {
  FilterPartials from;
  float *d_filter, *d_bias;
  GradientWrite write;
  int rows;  ///< of threads that share the splits
  int tiles, filter_tiles;
  Divisor of_chunks, of_slices;
  int tile_channels, tile_taps;  ///< a power of 2; odd, or all taps
};

__global__ void __launch_bounds__(partial_columns* max_partial_rows) sum_filter_kernel(FilterSum s) {
  XR_DYNAMIC_SHARED(float, shared);  // [group][row][channel][tap]
  const int lane = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  const int group = y / s.rows, row = y - group * s.rows, groups = static_cast<int>(blockDim.y) / s.rows;
  const int tile = static_cast<int>(blockIdx.x) * groups + group;
  int channels = 0, taps = 0, all_taps = 1, stride = s.tile_taps;
  const float* from = s.from.filter;
  float* to = s.d_filter;
  if (tile < s.filter_tiles) {
    const int rest = s.of_chunks.quotient(tile), tap = s.of_chunks.remainder(tile, rest) * s.tile_taps;
    const int o = s.of_slices.quotient(rest), channel = s.of_slices.remainder(rest, o) * s.tile_channels;
    channels = min(s.tile_channels, s.from.channels - channel);
    all_taps = s.from.taps;
    taps = min(s.tile_taps, all_taps - tap);
    const std::int64_t first = static_cast<std::int64_t>(o) * s.from.channels * all_taps;
    from += first + tap * s.from.channels + channel;
    to += first + channel * all_taps + tap;
  } else if (tile < s.tiles) {
    const int channel = (tile - s.filter_tiles) * s.tile_channels;
    channels = min(s.tile_channels, static_cast<int>(s.from.bias_count) - channel);
    taps = stride = 1;
    from += s.from.filter_count + channel;
    to = s.d_bias + channel;
  }
  const int row_sums = s.tile_channels * s.tile_taps;
  const int channel = lane & (s.tile_channels - 1), tap_step = partial_columns / s.tile_channels;
  if (channel < channels) {
    float* const sums = shared + y * row_sums + channel * stride;
    const int first = lane / s.tile_channels, step = tap_step * s.from.channels;
    from += first * s.from.channels + channel;
    for (int tap = first; tap < taps; tap += tap_step) {
      sums[tap] = sum_row(from, s.from.row_length(), s.from.splits, row, s.rows);
      from += step;
    }
  }
  __syncthreads();
  // One run, or with a part of the taps one for each channel.
  const bool is_run = taps == all_taps && taps == stride;
  const int runs = is_run ? 1 : channels, length = is_run ? channels * taps : taps;
  const float* sums = shared + group * s.rows * row_sums;
  for (int run = 0; run < runs; ++run) {
    for (int i = row * partial_columns + lane; i < length; i += s.rows * partial_columns) {
      float sum = sums[i];
      for (int r = 1; r < s.rows; ++r) sum += sums[r * row_sums + i];
      Elements<float, 1>{{sum}}.write(to + i, s.write);
    }
    sums += stride;
    to += all_taps;
  }
}

}  // namespace

FilterPartials make_filter_partials(KernelBackend& backend, const Conv2dBackwardFilter& call, int splits,
                                    bool channels_last) {
  const Shape& shape = call.d_filter.shape;
  const std::int64_t bias_count = call.d_bias.defined() ? call.d_bias.numel() : 0;
  FilterPartials partials{call.d_filter.as<float>(),
                          call.d_bias.as<float>(),
                          splits,
                          call.d_filter.numel(),
                          bias_count,
                          channels_last ? to_int(shape[1], "channels") : 1,
                          channels_last ? to_int(shape[2] * shape[3], "taps") : 1,
                          false,
                          GradientWrite::overwrite};
  if (splits == 1 && partials.taps == 1) {
    partials.is_result = true;
    partials.write = call.write;
    return partials;
  }
  const auto elements = static_cast<std::size_t>(partials.row_length() * splits);
  partials.filter = static_cast<float*>(backend.workspace(elements * sizeof(float)));
  partials.bias = partials.filter + partials.filter_count;
  return partials;
}

void sum_filter_partials(KernelBackend& backend, const Conv2dBackwardFilter& call,
                         const FilterPartials& partials) {
  constexpr const char* name = "conv2d_backward_filter_sum";
  if (partials.is_result || partials.row_length() == 0) return;
  float* const d_filter = call.d_filter.as<float>();
  float* const d_bias = call.d_bias.as<float>();
  if (partials.taps == 1)
    return sum_partials(backend, name, partials.filter, partials.splits, partials.row_length(),
                        StoreFilterGradient{d_filter, d_bias, partials.filter_count, call.write});
  FilterSum sum{};
  sum.from = partials;
  sum.d_filter = d_filter;
  sum.d_bias = d_bias;
  sum.write = call.write;
  sum.rows = partial_rows(partials.splits);
  const int groups = partial_groups(sum.rows);
  const std::int64_t chunks = ceil_div(partials.taps, max_filter_sum_taps), out = call.d_filter.shape[0];
  sum.tile_taps = static_cast<int>(ceil_div(partials.taps, chunks));
  if (sum.tile_taps % 8 == 0) ++sum.tile_taps;  // of which the channels would lie in four banks or fewer
  sum.tile_channels = out * ceil_div(partials.channels, 32) >= 2 * multiprocessors ? 32 : 8;
  const std::int64_t slices = ceil_div(partials.channels, sum.tile_channels);
  sum.filter_tiles = to_int(out * slices * chunks, "the number of tiles of a filter");
  sum.tiles = to_int(sum.filter_tiles + ceil_div(partials.bias_count, sum.tile_channels), "the tiles");
  sum.of_chunks = Divisor(static_cast<int>(chunks));
  sum.of_slices = Divisor(static_cast<int>(slices));
  const dim3 block(partial_columns, static_cast<unsigned>(sum.rows * groups));
  const std::size_t sums = static_cast<std::size_t>(block.y) * sum.tile_channels * sum.tile_taps;
  backend.run({name, static_cast<unsigned>(ceil_div(sum.tiles, groups)), block, sums * sizeof(float)},
              sum_filter_kernel, sum);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
