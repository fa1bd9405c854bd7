// Mean and variance of the (first) channels of x: (N, C, H, W) in both layouts, or (N, C).
//
// Bytes: x once, with the variant `two_pass` twice; 4 operations per element. Bound by memory.
// The variant `two_pass`, the plain one: sums, then squares of the distances to the mean. The usual kernel reads x
// once: a thread takes 8 steps into registers, finds their mean and the squares around it, and merges these
// with what it has (Chan, Golub, LeVeque: "Updating formulae and a pairwise algorithm for computing sample
// variances", 1979), so that nothing cancels and one division serves 8 elements. It counts from the channel's
// first value instead of from 0, so that a mean that is large beside the deviation is exact, too. Pieces of a
// channel are merged in double by a second launch, in fixed order; their number follows from x's shape.
#include <type_traits>

#include "kernels/cuda/batch_norm2d/batch_norm2d.h"
#include "kernels/cuda/reduce.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

constexpr int wanted_blocks = 4 * 148, steps_per_thread = 8;

/// Of Width sets of `count` values each: means, and sums of the squared distances to them.
template <int Width>
struct Moments {
  using Number = float;
  float count, mean[Width], squares[Width];

  [[nodiscard]] __device__ static Moments zero() {
    Moments result;
    result.count = 0.0f;
#pragma unroll
    for (int i = 0; i < Width; ++i) result.mean[i] = result.squares[i] = 0.0f;
    return result;
  }
  /// Of Count values for each set.
  template <int Count>
  [[nodiscard]] __device__ static Moments of(const float (&values)[Count][Width]) {
    Moments result;
    result.count = static_cast<float>(Count);
#pragma unroll
    for (int i = 0; i < Width; ++i) {
      float sum = 0.0f, squares = 0.0f;
#pragma unroll
      for (int k = 0; k < Count; ++k) sum += values[k][i];
      const float mean = sum / static_cast<float>(Count);
#pragma unroll
      for (int k = 0; k < Count; ++k) squares = fmaf(values[k][i] - mean, values[k][i] - mean, squares);
      result.mean[i] = mean;
      result.squares[i] = squares;
    }
    return result;
  }
  __device__ void add(const Moments& other) {
    if (other.count == 0.0f) return;
    const float total = count + other.count, share = other.count / total, weight = count * share;
#pragma unroll
    for (int i = 0; i < Width; ++i) {
      const float delta = other.mean[i] - mean[i];
      mean[i] = fmaf(delta, share, mean[i]);
      squares[i] += fmaf(delta * weight, delta, other.squares[i]);
    }
    count = total;
  }
};

/// The Width sets as one.
template <int Width>
__device__ Moments<1> merge_lanes(const Moments<Width>& moments) {
  Moments<1> result{moments.count, {moments.mean[0]}, {moments.squares[0]}};
  for (int i = 1; i < Width; ++i) result.add({moments.count, {moments.mean[i]}, {moments.squares[i]}});
  return result;
}

/// What the first pass leaves for each piece of each channel, [piece][channel]; means count from `origin`, of
/// each channel.
struct Partials {
  float *mean, *squares, *origin;
};

template <int Width, bool ChannelsLast, class Place>
__device__ void store_moments(const Moments<Width>& moments, const PerChannel<Width>& origin,
                              const Place& place, int channels, const Partials& partials) {
  const std::int64_t slot = static_cast<std::int64_t>(place.piece) * channels + place.channel;
  if constexpr (ChannelsLast) {
    if (place.piece == 0) store_floats(partials.origin + place.channel, origin.value);
    store_floats(partials.mean + slot, moments.mean);
    store_floats(partials.squares + slot, moments.squares);
  } else {
    if (place.piece == 0) partials.origin[place.channel] = origin.value[0];
    const Moments<1> merged = merge_lanes(moments);
    partials.mean[slot] = merged.mean[0];
    partials.squares[slot] = merged.squares[0];
  }
}

/// Means and squares around them in one pass.
template <class T, int Width, bool ChannelsLast>
__global__ void __launch_bounds__(channel_threads)
    moments_kernel(const T* x, ChannelWalk<ChannelsLast> walk, Partials partials) {
  __shared__ SharedValues<Moments<Width>, channel_threads> shared;
  const auto place = walk.template place<Width>();
  auto moments = Moments<Width>::zero();
  PerChannel<Width> origin{};
  if (place.inside) {
    const std::int64_t first_value = walk.template x_offset<Width>(place.channel, 0);
    for (int i = 0; i < Width; ++i) origin.value[i] = to_float(x[first_value + (ChannelsLast ? i : 0)]);
    constexpr int unroll = Width < 8 ? 8 : 4;  // 32 values in registers
    for_each_step<unroll>(place, [&](auto steps, int first, int distance) {
      float values[steps][Width];
#pragma unroll
      for (int k = 0; k < steps; ++k) {
        const auto loaded =
            Elements<T, Width>::load(x + walk.template x_offset<Width>(place.channel, first + k * distance));
#pragma unroll
        for (int i = 0; i < Width; ++i) values[k][i] = loaded.value[i] - origin.value[i];
      }
      moments.add(Moments<Width>::of(values));
    });
  }
  moments = combine_rows(moments, shared);
  if (threadIdx.y == 0 && place.inside)
    store_moments<Width, ChannelsLast>(moments, origin, place, walk.channels, partials);
}

/// Variant `two_pass`: means of the pieces (mean null), or the squares around the channel's mean.
template <class T, int Width, bool ChannelsLast>
__global__ void __launch_bounds__(channel_threads)
    two_pass_kernel(const T* x, ChannelWalk<ChannelsLast> walk, const float* mean, Partials partials) {
  __shared__ SharedValues<Sums<float, Width>, channel_threads> shared;
  const auto place = walk.template place<Width>();
  auto sums = Sums<float, Width>::zero();
  PerChannel<Width> centre{};
  if (place.inside && mean != nullptr)
    centre = PerChannel<Width>::template load<ChannelsLast>(mean, place.channel);
  if (place.inside)
    for (int step = place.step; step < place.end; step += static_cast<int>(blockDim.y)) {
      const auto loaded = Elements<T, Width>::load(x + walk.template x_offset<Width>(place.channel, step));
#pragma unroll
      for (int i = 0; i < Width; ++i) {
        const float distance = loaded.value[i] - centre.value[i];
        sums.value[i] += mean != nullptr ? distance * distance : distance;
      }
    }
  sums = combine_rows(sums, shared);
  if (threadIdx.y != 0 || !place.inside) return;
  Moments<Width> moments = Moments<Width>::zero();
  moments.count = static_cast<float>(walk.steps_of(place.piece));
  for (int i = 0; i < Width; ++i) {
    moments.mean[i] = mean != nullptr ? centre.value[i] : sums.value[i] / moments.count;
    moments.squares[i] = mean != nullptr ? sums.value[i] : 0.0f;
  }
  store_moments<Width, ChannelsLast>(moments, {}, place, walk.channels, partials);
}

struct StatisticsTarget {
  float *mean, *inverse_std;          ///< inverse_std null: only the mean is wanted
  float *running_mean, *running_var;  ///< or null
  float momentum, epsilon;

  __device__ static void move(float* running, float momentum, int channel, double value) {
    if (running == nullptr) return;
    running[channel] =
        static_cast<float>((1.0 - static_cast<double>(momentum)) * static_cast<double>(running[channel]) +
                           static_cast<double>(momentum) * value);
  }
  __device__ void write(int channel, double channel_mean, double variance, double count) const {
    mean[channel] = static_cast<float>(channel_mean);
    if (inverse_std == nullptr) return;
    inverse_std[channel] = static_cast<float>(1.0 / sqrt(variance + static_cast<double>(epsilon)));
    move(running_mean, momentum, channel, channel_mean);
    move(running_var, momentum, channel, variance * (count / (count - 1.0)));
  }
};

constexpr int finish_lanes = 32, finish_rows = 32;

/// Merges the pieces: finish_lanes channels per block, the pieces cut among rows of threads.
template <bool ChannelsLast>
__global__ void __launch_bounds__(finish_lanes* finish_rows)
    finish_statistics_kernel(Partials partials, ChannelWalk<ChannelsLast> walk, int values_per_step,
                             StatisticsTarget target) {
  __shared__ SharedValues<Sums<double, 1>, finish_lanes * finish_rows> shared;
  __shared__ double means[finish_lanes];
  const int lane = static_cast<int>(threadIdx.x), row = static_cast<int>(threadIdx.y),
            channel = static_cast<int>(blockIdx.x) * finish_lanes + lane;
  const bool inside = channel < walk.channels;
  const double count = static_cast<double>(walk.steps) * values_per_step;
  const auto slot = [&](int piece) { return static_cast<std::int64_t>(piece) * walk.channels + channel; };
  const auto size = [&](int piece) { return static_cast<double>(walk.steps_of(piece)) * values_per_step; };
  auto sum = Sums<double, 1>::zero();
  if (inside)
    for (int piece = row; piece < walk.pieces; piece += static_cast<int>(blockDim.y))
      sum.value[0] += size(piece) * static_cast<double>(partials.mean[slot(piece)]);
  sum = combine_rows(sum, shared);
  if (row == 0) means[lane] = sum.value[0] / count;
  __syncthreads();
  const double mean = means[lane];
  auto squares = Sums<double, 1>::zero();
  if (inside)
    for (int piece = row; piece < walk.pieces; piece += static_cast<int>(blockDim.y)) {
      const double distance = static_cast<double>(partials.mean[slot(piece)]) - mean;
      squares.value[0] +=
          static_cast<double>(partials.squares[slot(piece)]) + size(piece) * distance * distance;
    }
  squares = combine_rows(squares, shared);
  if (row == 0 && inside)
    target.write(channel, static_cast<double>(partials.origin[channel]) + mean, squares.value[0] / count,
                 count);
}

template <bool ChannelsLast>
void finish(KernelBackend& backend, const ChannelWalk<ChannelsLast>& walk, const Partials& partials,
            int values_per_step, const StatisticsTarget& target) {
  const int rows = std::min(walk.pieces, finish_rows);
  backend.run({"batch_norm2d_finish_statistics", static_cast<unsigned>(ceil_div(walk.channels, finish_lanes)),
               dim3(finish_lanes, static_cast<unsigned>(rows)), 0,
               static_cast<std::int64_t>(8) * walk.pieces * walk.channels,
               static_cast<std::int64_t>(6) * walk.pieces * walk.channels},
              finish_statistics_kernel<ChannelsLast>, partials, walk, values_per_step, target);
}

}  // namespace

void batch_statistics(KernelBackend& backend, const char* operation, const BatchNormParams& params,
                      const ConstView& x, const View& running_mean, const View& running_var, const View& mean,
                      const View& inverse_std) {
  const ChannelExtents extents = channel_extents(operation, x, mean.shape[0]);
  StatisticsTarget target{mean.as<float>(),        inverse_std.as<float>(), running_mean.as<float>(),
                          running_var.as<float>(), params.momentum,         params.epsilon};
  with_channel_vectors(operation, x, extents, [&](auto type, auto width, auto channels_last) {
    using T = decltype(type);
    const auto [walk, grid, block] =
        plan_channels<channels_last>(extents, width, wanted_blocks, steps_per_thread);
    const std::int64_t values = extents.per_channel() * extents.channels,
                       read = values * static_cast<std::int64_t>(sizeof(T));
    const std::size_t slots = static_cast<std::size_t>(walk.pieces) * extents.channels;
    auto* memory = static_cast<float*>(backend.workspace((2 * slots + 2 * extents.channels) * sizeof(float)));
    const Partials partials{memory, memory + slots, memory + 2 * slots};
    LaunchPlan plan{"batch_norm2d_statistics", grid, block, 0, read, 4 * values};
    const int values_per_step = channels_last ? 1 : width;
    if (backend.options().variant == "two_pass") {
      plan.kernel = "batch_norm2d_statistics_two_pass";
      float* centre = partials.origin + extents.channels;
      backend.run(plan, two_pass_kernel<T, width, channels_last>, x.as<T>(), walk, nullptr, partials);
      finish(backend, walk, partials, values_per_step, {centre, nullptr, nullptr, nullptr, 0, 0});
      backend.run(plan, two_pass_kernel<T, width, channels_last>, x.as<T>(), walk, centre, partials);
    } else {
      backend.run(plan, moments_kernel<T, width, channels_last>, x.as<T>(), walk, partials);
    }
    finish(backend, walk, partials, values_per_step, target);
  });
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
