// sum_to_shape: y = scale * sum of x over the dimensions that y lacks. broadcast_to: dx = scale * dy,
// repeated.
//
// Bytes: sum_to_shape x once and y (twice when it accumulates), one addition per element of x; broadcast_to
// dx once (twice when it accumulates) and dy, one multiplication per element of dx. Bound by memory.
//
// Reduction merges the dimensions, so that the sums are of columns (a thread keeps its own columns and walks
// down the rows) or along rows (the threads of a block share a row). Where outputs are few, each is cut into
// pieces whose sums a second pass adds; the number of pieces follows from the shapes alone. Short rows go to
// a warp each.
#include "kernels/common/broadcast.h"
#include "kernels/common/checks.h"
#include "kernels/cuda/activation.h"
#include "kernels/cuda/kernel_backend.h"
#include "kernels/cuda/reduce.h"
#include "kernels/cuda/sum_partials.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

constexpr int sum_threads = 256, max_lanes = 32;
constexpr std::int64_t short_row = 1024;  // elements that one warp adds up
constexpr std::int64_t wanted_blocks = 4 * 148, items_per_thread = 8;

/// y[i] = scale * sum, or += it.
template <class Y>
struct StoreSum {
  Y* y;
  float scale;
  GradientWrite write;

  __device__ void operator()(std::int64_t i, float sum) const {
    Elements<Y, 1>{{scale * sum}}.write(y + i, write);
  }
};

struct StorePartial {
  float* partials;
  __device__ void operator()(std::int64_t i, float sum) const { partials[i] = sum; }
};

/// How the work is cut into blocks: for each of `outer` walks `slices` of columns, each in `pieces` of items.
struct SumCut {
  Walk outer, rows;
  std::int64_t columns, run;  ///< Reduction's
  std::int64_t outputs;
  std::int64_t items, items_per_piece;  ///< of an output: rows, or vectors along all its rows
  int slices, pieces;

  /// Offset of item number `item`, from that of the output.
  template <int Width, bool Columns>
  [[nodiscard]] __device__ std::int64_t offset(std::int64_t item) const {
    if constexpr (Columns) {
      return rows.offset(item);
    } else {
      if (rows.rank == 0) return item * Width;
      const Division row = divide(item, static_cast<int>(run / Width));
      return rows.offset(row.quotient) + row.remainder * Width;
    }
  }
};

template <class T, int Width>
[[nodiscard]] __device__ __forceinline__ Sums<float, Width> load_sums(const T* from) {
  const auto elements = Elements<T, Width>::load(from);
  Sums<float, Width> sums;
#pragma unroll
  for (int i = 0; i < Width; ++i) sums.value[i] = elements.value[i];
  return sums;
}

/// store(piece * outputs + output, sum). Blocks of lanes x rows threads; lanes are neighbouring vectors of
/// columns, one if the sums are along rows.
template <class T, int Width, bool Columns, class Store>
__global__ void __launch_bounds__(sum_threads) sum_kernel(const T* x, SumCut cut, Store store) {
  __shared__ SharedValues<Sums<float, Width>, sum_threads> shared;
  const Division block = divide(blockIdx.x, cut.pieces), slice = divide(block.quotient, cut.slices);
  const std::int64_t column = (static_cast<std::int64_t>(slice.remainder) * blockDim.x + threadIdx.x) * Width;
  const bool inside = !Columns || column < cut.columns;
  auto sums = Sums<float, Width>::zero();
  if (inside) {
    const T* from = x + cut.outer.offset(slice.quotient) + (Columns ? column : 0);
    const std::int64_t first = block.remainder * cut.items_per_piece,
                       end = min(cut.items, first + cut.items_per_piece);
#pragma unroll 4
    for (std::int64_t item = first + threadIdx.y; item < end; item += blockDim.y)
      sums.add(load_sums<T, Width>(from + cut.template offset<Width, Columns>(item)));
  }
  sums = combine_rows(sums, shared);
  if (threadIdx.y != 0 || !inside) return;
  const std::int64_t first_output = block.remainder * cut.outputs;
  if constexpr (Columns) {
    for (int i = 0; i < Width; ++i)
      store(first_output + slice.quotient * cut.columns + column + i, sums.value[i]);
  } else {
    float total = sums.value[0];
    for (int i = 1; i < Width; ++i) total += sums.value[i];
    store(first_output + slice.quotient, total);
  }
}

/// One warp for each output, whose items lie along rows.
template <class T, int Width, class Store>
__global__ void __launch_bounds__(sum_threads) sum_short_rows_kernel(const T* x, SumCut cut, Store store) {
  constexpr int warps = sum_threads / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const std::int64_t output = static_cast<std::int64_t>(blockIdx.x) * warps + threadIdx.x / 32;
  if (output >= cut.outputs) return;
  const T* from = x + cut.outer.offset(output);
  auto sums = Sums<float, Width>::zero();
  for (std::int64_t item = lane; item < cut.items; item += 32)
    sums.add(load_sums<T, Width>(from + cut.template offset<Width, false>(item)));
  float total = sums.value[0];
  for (int i = 1; i < Width; ++i) total += sums.value[i];
  total = warp_sum(total);
  if (lane == 0) store(output, total);
}

template <class T, int Width, bool Columns, class Store>
void sum(KernelBackend& backend, const ConstView& x, const Reduction& reduction, const View& y,
         const Store& store) {
  SumCut cut{reduction.outer, reduction.rows, reduction.columns, reduction.run, y.numel(), 0, 0, 1, 1};
  const std::int64_t rows = cut.rows.count();
  LaunchPlan plan{"sum_to_shape", {}, {}, 0, static_cast<std::int64_t>(x.bytes() + y.bytes()), x.numel()};
  cut.items = Columns ? rows : rows * cut.run / Width;
  (void)to_int(Columns ? cut.columns : cut.run, "sum_to_shape: an extent");
  if (!Columns && cut.items * Width <= short_row) {
    plan.kernel = "sum_to_shape_short_rows";
    plan.grid =
        static_cast<unsigned>(to_int(ceil_div(cut.outputs, sum_threads / 32), "sum_to_shape: the grid"));
    plan.block = sum_threads;
    return backend.run(plan, sum_short_rows_kernel<T, Width, Store>, x.as<T>(), cut, store);
  }
  const std::int64_t vectors = Columns ? cut.columns / Width : 1,
                     lanes = std::min<std::int64_t>(vectors, max_lanes);
  plan.block = dim3(static_cast<unsigned>(lanes), static_cast<unsigned>(sum_threads / lanes));
  cut.slices = static_cast<int>(ceil_div(vectors, lanes));
  const std::int64_t blocks = cut.outer.count() * cut.slices;
  const std::int64_t wanted = std::clamp<std::int64_t>(cut.items / (plan.block.y * items_per_thread), 1,
                                                       std::max<std::int64_t>(1, wanted_blocks / blocks));
  cut.items_per_piece = ceil_div(cut.items, wanted);
  cut.pieces = static_cast<int>(ceil_div(cut.items, cut.items_per_piece));
  plan.grid = static_cast<unsigned>(to_int(blocks * cut.pieces, "sum_to_shape: the number of blocks"));
  if (cut.pieces == 1) return backend.run(plan, sum_kernel<T, Width, Columns, Store>, x.as<T>(), cut, store);
  auto* partials = static_cast<float*>(
      backend.workspace(static_cast<std::size_t>(cut.pieces * cut.outputs) * sizeof(float)));
  backend.run(plan, sum_kernel<T, Width, Columns, StorePartial>, x.as<T>(), cut, StorePartial{partials});
  sum_partials(backend, "sum_to_shape_partials", partials, cut.pieces, cut.outputs, store);
}

template <class T>
struct BroadcastElement {
  Broadcast plan;
  float scale;
  const T* dy;
  T* dx;
  GradientWrite write;

  template <int Width>
  __device__ void at(std::int64_t index) const {
    std::int64_t rest = index, offset = 0;
    std::size_t d = plan.rank;  // as in elementwise.cu
#pragma unroll 1
    do {
      --d;
      const Division along = divide(rest, static_cast<int>(plan.extent[d]));
      offset += along.remainder * plan.stride_a[d];
      rest = along.quotient;
    } while (d > 0);
    Elements<T, Width> values;
    if (plan.stride_a[plan.rank - 1] == 1) {
      values = Elements<T, Width>::load(dy + offset);
    } else {
      const float repeated = to_float(dy[offset]);
#pragma unroll
      for (float& value : values.value) value = repeated;
    }
#pragma unroll
    for (float& value : values.value) value *= scale;
    values.write(dx + index, write);
  }
};

}  // namespace

void KernelBackend::compute(const SumToShape& call) {
  if (call.y.numel() == 0) return;
  if (call.x.numel() == 0) {
    if (call.write == GradientWrite::overwrite) compute(Fill{.y = call.y});
    return;
  }
  const Reduction reduction(call.x.shape, call.y.shape);
  with_activation_type("sum_to_shape", call.x.dtype, [&](auto x_type) {
    with_activation_type("sum_to_shape", call.y.dtype, [&](auto y_type) {
      using T = decltype(x_type);
      using Y = decltype(y_type);
      constexpr int width = vector_width<T>;
      const StoreSum<Y> store{call.y.as<Y>(), call.scale, call.write};
      const bool columns = reduction.columns > 1;
      const bool vectors =
          channels_in_vectors<width>(columns ? reduction.columns : reduction.run, call.x.data);
      if (columns && vectors)
        sum<T, width, true>(*this, call.x, reduction, call.y, store);
      else if (columns)
        sum<T, 1, true>(*this, call.x, reduction, call.y, store);
      else if (vectors)
        sum<T, width, false>(*this, call.x, reduction, call.y, store);
      else
        sum<T, 1, false>(*this, call.x, reduction, call.y, store);
    });
  });
}

void KernelBackend::compute(const BroadcastTo& call) {
  const Broadcast broadcast(call.name, call.dy.shape, call.dy.shape, call.dx.shape);
  with_activation_type("broadcast_to", call.dx.dtype, [&](auto type) {
    using T = decltype(type);
    constexpr int width = vector_width<T>;
    const std::int64_t count = call.dx.numel();
    std::int64_t vectors = whole_vectors<width>(count, call.dy.data, call.dx.data);
    for (const std::int64_t extent : broadcast.extent) (void)to_int(extent, "broadcast_to: an extent");
    if (!broadcast.moves_in_vectors(broadcast.stride_a, width)) vectors = 0;
    const bool accumulate = call.write == GradientWrite::accumulate;
    run({"broadcast_to", elementwise_blocks<width>(vectors, count), elementwise_threads, 0,
         static_cast<std::int64_t>(call.dy.bytes() + (accumulate ? 2 : 1) * call.dx.bytes()),
         (accumulate ? 2 : 1) * count},
        elementwise_kernel<width, BroadcastElement<T>>,
        BroadcastElement<T>{broadcast, call.scale, call.dy.as<T>(), call.dx.as<T>(), call.write}, vectors,
        count);
  });
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
