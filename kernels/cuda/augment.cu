// augment: images (count, C, size, size) of bytes, indices (N), records (N) -> y (N, C, side, side), f32 or
// bf16, contiguous or channels_last. Image indices[n] is cropped and resized with the antialiased triangle
// filter, or sampled bilinearly under a rotation, shift and zoom; then exposure and normalisation. The
// arithmetic is that of kernels/common/augment.h, operation by operation (compiled without fused multiply-add), so
// that y has the bits of the CPU's.
//
// Bytes: N C size^2 read (cached: neighbouring outputs share pixels), 4 or 2 N C side^2 written. Operations
// per value: 5 of exposure and, where pixels move, about 20 of the bilinear map or 2 per tap and axis of the
// filter: by these figures bound by memory, not yet timed on a GPU.
//
// One block makes a tile of 32x32 pixels of one image, all channels, so the blocks of images that are treated
// in different ways do not wait for each other, and the grid does not depend on the records (a captured graph
// takes any). The filter is separable: taps of the tile's 32 columns and 32 rows are computed once in double;
// then source rows are blended into shared memory (the tile's height, only the columns under it) and columns
// are blended from there. An image whose pixels stay where they are is a walk through memory with 16-byte
// stores. Images that are reduced before they are warped go through a first launch, which keeps their bytes
// in the workspace; shapes that need no reduction have one launch.
#include "kernels/common/augment.h"

#include "kernels/cuda/activation.h"
#include "kernels/cuda/kernel_backend.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

constexpr int tile = 32, tile_rows = 8, augment_threads = tile * tile_rows;

struct AugmentCall {
  const std::uint8_t* images;
  const std::int64_t* indices;
  const AugmentRecord* records;
  AugmentParams params;
  int channels, size, side;
  int tiles_across, tiles;  ///< in a row of an image, in an image
  /// Of shared memory. weight_stride: floats per output of either axis, 0 where there would be too many: they
  /// are then computed where they are used. row_floats: for blended rows.
  int weight_stride, row_floats;

  [[nodiscard]] __device__ const std::uint8_t* image(std::int64_t n) const {
    return images + indices[n] * channels * size * size;
  }
};

/// A block's tile: the pixels [x, x + columns) x [y, y + rows) of image n.
struct Tile {
  std::int64_t n;
  int index, x, y, columns, rows;

  __device__ explicit Tile(const AugmentCall& call) {
    const Division image = divide(blockIdx.x, call.tiles), row = divide(image.remainder, call.tiles_across);
    n = image.quotient;
    index = image.remainder;
    x = row.remainder * tile;
    y = static_cast<int>(row.quotient) * tile;
    columns = min(tile, call.side - x);
    rows = min(tile, call.side - y);
  }
};

/// The filter along one axis of a tile, in shared memory.
struct AxisTaps {
  TriangleTaps* taps;
  float* weights;
  int stride;

  /// Output i of the tile, by one thread.
  __device__ void compute(int i, int output, int source_count, int side) const {
    const TriangleTaps own = TriangleTaps::at(output, TriangleTaps::scale(source_count, side), source_count);
    taps[i] = own;
    if (stride == 0) return;
    for (int s = own.begin; s < own.end; ++s) weights[i * stride + s - own.begin] = own.weight(s);
  }
  [[nodiscard]] __device__ float weight(int i, int s) const {
    return stride == 0 ? taps[i].weight(s) : weights[i * stride + s - taps[i].begin];
  }
};

/// Calls sink(c, y, x, value) for the pixels of the tile; value is 0..255. `shared` is the dynamic shared
/// memory. Called by all threads of the block or none.
template <class Sink>
__device__ void crop_tile(const AugmentCall& call, const Tile& at, const std::uint8_t* image,
                          const AugmentRecord& record, bool flip, float* shared, const Sink& sink) {
  __shared__ TriangleTaps taps[2][tile];
  const AxisTaps across{taps[0], shared, call.weight_stride};
  const AxisTaps down{taps[1], shared + tile * call.weight_stride, call.weight_stride};
  float* const blended = shared + 2 * tile * call.weight_stride;
  const int lane = static_cast<int>(threadIdx.x), row = static_cast<int>(threadIdx.y);
  if (row == 0 && lane < at.columns)
    across.compute(lane, flip ? call.side - 1 - (at.x + lane) : at.x + lane, record.width, call.side);
  if (row == 1 && lane < at.rows) down.compute(lane, at.y + lane, record.height, call.side);
  __syncthreads();
  const int low = min(taps[0][0].begin, taps[0][at.columns - 1].begin);
  const int length = max(taps[0][0].end, taps[0][at.columns - 1].end) - low;
  const int rows_at_once = call.row_floats / length;
  for (int c = 0; c < call.channels; ++c) {
    const std::uint8_t* const box = image + static_cast<std::int64_t>(c) * call.size * call.size +
                                    static_cast<std::int64_t>(record.y) * call.size + record.x + low;
    for (int first = 0; first < at.rows; first += rows_at_once) {
      const int end = min(at.rows, first + rows_at_once);
      for (int y = first + row; y < end; y += tile_rows)
        for (int i = lane; i < length; i += tile) {
          const int begin = taps[1][y].begin;
          const std::uint8_t* source = box + static_cast<std::int64_t>(begin) * call.size + i;
          float sum = down.weight(y, begin) * static_cast<float>(*source);
          for (int s = begin + 1; s < taps[1][y].end; ++s) {
            source += call.size;
            sum += down.weight(y, s) * static_cast<float>(*source);
          }
          blended[(y - first) * length + i] = sum;
        }
      __syncthreads();
      if (lane < at.columns)
        for (int y = first + row; y < end; y += tile_rows) {
          const float* source = blended + (y - first) * length;
          float sum = 0;
          for (int s = taps[0][lane].begin; s < taps[0][lane].end; ++s)
            sum += across.weight(lane, s) * source[s - low];
          sink(c, at.y + y, at.x + lane, sum);
        }
      __syncthreads();
    }
  }
}

/// reduced (N, C, side, side): the boxes of the images that are reduced before they are warped; what belongs
/// to other images is left as it is.
__global__ void __launch_bounds__(augment_threads)
    augment_reduce_kernel(AugmentCall call, std::uint8_t* reduced) {
  XR_DYNAMIC_SHARED(float, shared);
  const Tile at(call);
  const AugmentRecord record = call.records[at.n];
  if (!is_warped(record) || !is_reduced_before_warp(record, call.side)) return;
  crop_tile(call, at, call.image(at.n), record, false, shared, [&](int c, int y, int x, float value) {
    reduced[((at.n * call.channels + c) * call.side + y) * call.side + x] = to_byte(value);
  });
}

/// Width values of one channel per thread: the block's share of image n, which lies in planes. Width divides
/// side^2.
template <int Width, class T>
__device__ void expose_planes(const AugmentCall& call, const Tile& at, const AugmentRecord& record, T* y) {
  static_assert(Width == 4 || Width == 8);
  using Word = std::conditional_t<Width == 4, std::uint32_t, std::uint64_t>;
  const std::uint8_t* const image = call.image(at.n);
  const int plane = call.side * call.side, vectors = plane / Width;
  const int thread = static_cast<int>(threadIdx.y) * tile + static_cast<int>(threadIdx.x);
  for (int c = 0; c < call.channels; ++c) {
    const Exposure exposure = Exposure::of(record, call.params.mean[c], call.params.deviation[c]);
    const auto* const source = reinterpret_cast<const Word*>(image + static_cast<std::int64_t>(c) * plane);
    T* const target = y + (at.n * call.channels + c) * plane;
#pragma unroll 1  // a tile has a vector of 4 for each thread
    for (int v = at.index * augment_threads + thread; v < vectors; v += call.tiles * augment_threads) {
      const Word word = source[v];
      std::uint8_t bytes[Width];
      memcpy(bytes, &word, sizeof word);
      Elements<T, Width> values;
#pragma unroll
      for (int i = 0; i < Width; ++i) values.value[i] = exposure(static_cast<float>(bytes[i]));
      values.store(target + static_cast<std::int64_t>(v) * Width);
    }
  }
}

/// reduced: of augment_reduce_kernel, if a shape needs it. Vectors: planes can be read and written in
/// vectors.
template <class T, bool ChannelsLast>
__global__ void __launch_bounds__(augment_threads)
    augment_kernel(AugmentCall call, const std::uint8_t* reduced, bool vectors, T* y) {
  XR_DYNAMIC_SHARED(float, shared);
  const Tile at(call);
  const AugmentRecord record = call.records[at.n];
  if (vectors && keeps_pixels(record, call.size, call.side))
    return expose_planes<vector_width<T>>(call, at, record, y);
  const Activation<ChannelsLast> layout{call.channels, call.side, call.side};
  const auto sink = [&](int c, int row, int column, float value) {
    const Exposure exposure = Exposure::of(record, call.params.mean[c], call.params.deviation[c]);
    y[layout.offset({static_cast<int>(at.n), c, row, column})] = from_float<T>(exposure(value));
  };
  const std::uint8_t* image = call.image(at.n);
  if (!is_warped(record)) return crop_tile(call, at, image, record, record.flip != 0, shared, sink);
  const WarpMap map = WarpMap::of(record, call.size, call.side);
  if (is_reduced_before_warp(record, call.side))
    image = reduced + at.n * call.channels * call.side * call.side;
  const int column = at.x + static_cast<int>(threadIdx.x);
  if (column >= call.side) return;
  for (int row = at.y + static_cast<int>(threadIdx.y); row < at.y + at.rows; row += tile_rows)
    for (int c = 0; c < call.channels; ++c) {
      const std::uint8_t* const plane =
          image + static_cast<std::int64_t>(c) * map.source_size * map.source_size;
      sink(c, row, column, map.sample(plane, column, row));
    }
}

/// Sizes of the shared memory, from the strongest reduction that a box can ask for.
void plan_shared_memory(AugmentCall& call) {
  constexpr int weight_budget = 6144, row_budget = 6144;  // floats: 48 KB together
  const double scale = std::max(1.0, static_cast<double>(call.size) / call.side);
  const int max_taps = std::min(2 * static_cast<int>(std::ceil(scale)) + 1, call.size);
  call.weight_stride = 2 * tile * max_taps <= weight_budget ? max_taps : 0;
  const int longest = std::min(call.size, static_cast<int>(std::ceil((tile + 1) * scale)) + 3);
  call.row_floats = std::max(1, std::min(tile, row_budget / longest)) * longest;
}

template <class T>
void launch_augment(KernelBackend& backend, const AugmentCall& call, LaunchPlan plan,
                    const std::uint8_t* reduced, View y) {
  const std::int64_t plane = y.shape[2] * y.shape[3];
  constexpr int width = vector_width<T>;
  const bool vectors = (y.layout == Layout::contiguous || call.channels == 1) && plane % width == 0 &&
                       reinterpret_cast<std::uintptr_t>(call.images) % width == 0 &&
                       reinterpret_cast<std::uintptr_t>(y.data) % 16 == 0;
  with_layout("augment", y.layout, [&](auto channels_last) {
    backend.run(plan, augment_kernel<T, decltype(channels_last)::value>, call, reduced, vectors, y.as<T>());
  });
}

}  // namespace

void KernelBackend::compute(const Augment& call) {
  with_layout("augment", call.y.layout, [](auto) {});
  if (call.y.numel() == 0) return;
  AugmentCall work{call.images.as<std::uint8_t>(),
                   call.indices.as<std::int64_t>(),
                   call.records.as<AugmentRecord>(),
                   call.params,
                   static_cast<int>(call.images.shape[1]),
                   static_cast<int>(call.images.shape[2]),
                   static_cast<int>(call.y.shape[2]),
                   0,
                   0,
                   0,
                   0};
  work.tiles_across = static_cast<int>(ceil_div(work.side, tile));
  work.tiles = work.tiles_across * work.tiles_across;
  plan_shared_memory(work);
  const std::int64_t image_bytes = call.images.numel() / call.images.shape[0];
  LaunchPlan plan{"augment", {}, {}, 0, 0, 25 * call.y.numel()};
  plan.grid = static_cast<unsigned>(to_int(call.y.shape[0] * work.tiles, "augment: the tiles"));
  plan.block = dim3(tile, tile_rows);
  plan.shared_bytes =
      (static_cast<std::size_t>(2 * tile) * work.weight_stride + work.row_floats) * sizeof(float);
  plan.bytes = call.y.shape[0] * (image_bytes + static_cast<std::int64_t>(sizeof(AugmentRecord) + 8)) +
               static_cast<std::int64_t>(call.y.bytes());
  std::uint8_t* reduced = nullptr;
  if (is_reduced_before_warp(work.size, work.side)) {
    reduced = static_cast<std::uint8_t*>(workspace(static_cast<std::size_t>(call.y.numel())));
    LaunchPlan reduce = plan;
    reduce.kernel = "augment_reduce";
    reduce.bytes = call.y.shape[0] * image_bytes + call.y.numel();
    run(reduce, augment_reduce_kernel, work, reduced);
  }
  with_activation_type("augment", call.y.dtype, [&](auto element) {
    launch_augment<decltype(element)>(*this, work, plan, reduced, call.y);
  });
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
