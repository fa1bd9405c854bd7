// Depthwise conv2d, forward and backward data: one input and one output channel a group, channels_last, channels
// in whole vectors of 16 bytes.
//
//   forward  y[n,i,j,c]  = bias[c] + sum over r, q of x[n, i sh - ph + r dh, j sw - pw + q dw, c] filter[c,r,q]
//   data     dx[n,h,w,c] = sum over r, q of dy[n,i,j,c] filter[c,r,q], i sh - ph + r dh = h, j sw - pw + q dw = w
//
// A block has the filters of up to 32 vectors of channels in shared memory, [tap][channel]; a thread has one
// vector. Bytes: x and y once. Operations: 2 N C H' W' kH kW, all in f32 whatever the precision: bound by memory,
// so no tensor cores.
//
//   windows  3x3 and 5x5 with stride 1 or 2, and the data gradient of stride 1, which is a forward with the taps
//            in reverse: a thread has 4 or 2 neighbouring results, so that a value of x is read for all taps of a
//            row at once
//   any      all others: a thread has one result
#include "kernels/cuda/activation.h"
#include "kernels/cuda/conv2d/conv2d.h"
#include "kernels/cuda/gemm/gemm_tile.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

constexpr int depthwise_threads = 256, max_lanes = 32;

/// From `source` (batch, height, width, channels) to `result` (batch, result_height, result_width, channels).
struct Depthwise {
  const void* source;
  const float* filter;  ///< (channels, kernel_h, kernel_w)
  const float* bias;    ///< or null
  void* result;
  GradientWrite write;
  bool reversed;  ///< the taps, each with that at the other end
  int channels, lanes, chunks;
  int batch, height, width, result_height, result_width;
  int kernel_h, kernel_w, stride_h, stride_w, padding_h, padding_w, dilation_h, dilation_w;

  [[nodiscard]] __host__ __device__ int taps() const { return kernel_h * kernel_w; }
};

/// Floats from tap to tap in shared memory: neighbouring taps, which neighbouring threads write, are in other banks.
[[nodiscard]] __host__ __device__ constexpr int tap_stride_of(int channels) {
  return channels + 4;
}

/// This thread's vector of channels, and the filters of the block's vectors.
template <class T>
struct Lane {
  static constexpr int width = vector_width<T>;
  int channel, row, rows;  ///< threads of other rows have other results
  const float* weights;    ///< of the first tap
  int tap_stride;

  /// Copies the filters to shared memory. All threads call it.
  __device__ Lane(const Depthwise& g, float* shared) {
    const int lane = static_cast<int>(threadIdx.x) % g.lanes;
    const int first = static_cast<int>(blockIdx.x) % g.chunks * g.lanes * width;
    const int channels = g.lanes * width;
    tap_stride = tap_stride_of(channels);
    row = static_cast<int>(threadIdx.x) / g.lanes;
    rows = depthwise_threads / g.lanes;
    channel = first + lane * width;
    const int taps = g.taps(), count = min(channels, g.channels - first) * taps;
#pragma unroll 1
    for (int i = static_cast<int>(threadIdx.x); i < count; i += depthwise_threads) {
      const int c = i / taps, tap = i - c * taps;
      shared[(g.reversed ? taps - 1 - tap : tap) * tap_stride + c] = g.filter[first * taps + i];
    }
    weights = shared + lane * width;
    __syncthreads();
  }
  /// The first of this thread's results among `rows` a block, and from one to the next.
  [[nodiscard]] __device__ std::int64_t first(const Depthwise& g) const {
    return static_cast<std::int64_t>(blockIdx.x) / g.chunks * rows + row;
  }
  [[nodiscard]] __device__ std::int64_t step(const Depthwise& g) const {
    return static_cast<std::int64_t>(gridDim.x) / g.chunks * rows;
  }
};

template <class T, int Kernel, int Stride>
__global__ void __launch_bounds__(depthwise_threads) depthwise_windows_kernel(Depthwise g) {
  XR_DYNAMIC_SHARED(float, shared);
  constexpr int width = vector_width<T>, results = Stride == 1 ? 4 : 2,
                window = (results - 1) * Stride + Kernel;
  const Lane<T> lane(g, shared);
  if (lane.channel >= g.channels) return;
  float offsets[width] = {};
  if (g.bias != nullptr) {
#pragma unroll
    for (int v = 0; v < width; ++v) offsets[v] = g.bias[lane.channel + v];
  }
  const int groups = (g.result_width + results - 1) / results;
  const std::int64_t count = static_cast<std::int64_t>(g.batch) * g.result_height * groups;
  for (std::int64_t item = lane.first(g); item < count; item += lane.step(g)) {
    const Division row = divide(item, groups), image = divide(row.quotient, g.result_height);
    const int j = row.remainder * results, top = image.remainder * Stride - g.padding_h,
              left = j * Stride - g.padding_w;
    float sums[results][width];
#pragma unroll
    for (int t = 0; t < results; ++t)
#pragma unroll
      for (int v = 0; v < width; ++v) sums[t][v] = offsets[v];
#pragma unroll
    for (int r = 0; r < Kernel; ++r) {
      const int h = top + r;
      if (h < 0 || h >= g.height) continue;
      float weights[Kernel][width];
#pragma unroll
      for (int q = 0; q < Kernel; ++q)
        load_floats(lane.weights + (r * Kernel + q) * lane.tap_stride, weights[q]);
      const T* from = static_cast<const T*>(g.source) +
                      ((image.quotient * g.height + h) * g.width + left) * g.channels + lane.channel;
#pragma unroll
      for (int k = 0; k < window; ++k) {
        if (left + k < 0 || left + k >= g.width) continue;
        const auto x = Elements<T, width>::load(from + static_cast<std::int64_t>(k) * g.channels);
#pragma unroll
        for (int t = 0; t < results; ++t) {
          if (k - t * Stride < 0 || k - t * Stride >= Kernel) continue;
#pragma unroll
          for (int v = 0; v < width; ++v) sums[t][v] += x.value[v] * weights[k - t * Stride][v];
        }
      }
    }
    T* const to = static_cast<T*>(g.result) + (row.quotient * g.result_width + j) * g.channels + lane.channel;
#pragma unroll
    for (int t = 0; t < results; ++t) {
      if (j + t >= g.result_width) continue;
      Elements<T, width> values;
#pragma unroll
      for (int v = 0; v < width; ++v) values.value[v] = sums[t][v];
      if constexpr (Stride == 1)
        values.write(to + static_cast<std::int64_t>(t) * g.channels, g.write);
      else  // forward alone
        values.store(to + static_cast<std::int64_t>(t) * g.channels);
    }
  }
}

/// Where tap r of result i lies in the source, in one dimension; -1 where it sees none.
template <bool Backward>
__device__ __forceinline__ int source_of(int i, int r, int stride, int padding, int dilation, int extent) {
  int place = Backward ? i + padding - r * dilation : i * stride - padding + r * dilation;
  if (Backward) {
    if (place < 0 || place % stride != 0) return -1;
    place /= stride;
  }
  return place < extent ? place : -1;
}

template <class T, bool Backward>
__global__ void __launch_bounds__(depthwise_threads) depthwise_any_kernel(Depthwise g) {
  XR_DYNAMIC_SHARED(float, shared);
  constexpr int width = vector_width<T>;
  const Lane<T> lane(g, shared);
  if (lane.channel >= g.channels) return;
  const int kernel_h = max(1, g.kernel_h), kernel_w = max(1, g.kernel_w);  // as in conv2d_direct.cu
  const std::int64_t count = static_cast<std::int64_t>(g.batch) * g.result_height * g.result_width;
  for (std::int64_t item = lane.first(g); item < count; item += lane.step(g)) {
    const Division row = divide(item, g.result_width), image = divide(row.quotient, g.result_height);
    Elements<T, width> sum{};
    if (!Backward && g.bias != nullptr) {
#pragma unroll
      for (int v = 0; v < width; ++v) sum.value[v] = g.bias[lane.channel + v];
    }
#pragma unroll 1
    for (int r = 0; r < kernel_h; ++r) {
      const int h = source_of<Backward>(image.remainder, r, g.stride_h, g.padding_h, g.dilation_h, g.height);
      if (h < 0) continue;
      const T* from = static_cast<const T*>(g.source) +
                      (image.quotient * g.height + h) * g.width * g.channels + lane.channel;
#pragma unroll 1
      for (int q = 0; q < kernel_w; ++q) {
        const int w = source_of<Backward>(row.remainder, q, g.stride_w, g.padding_w, g.dilation_w, g.width);
        if (w < 0) continue;
        const auto x = Elements<T, width>::load(from + static_cast<std::int64_t>(w) * g.channels);
        float weights[width];
        load_floats(lane.weights + (r * kernel_w + q) * lane.tap_stride, weights);
#pragma unroll
        for (int v = 0; v < width; ++v) sum.value[v] += x.value[v] * weights[v];
      }
    }
    T* const to = static_cast<T*>(g.result) + item * g.channels + lane.channel;
    if constexpr (Backward)
      sum.write(to, g.write);
    else
      sum.store(to);
  }
}

Depthwise make_depthwise(const Conv2dShape& s, const float* filter, GradientWrite write) {
  Depthwise g{};
  g.filter = filter;
  g.write = write;
  g.channels = s.in_channels;
  g.batch = s.batch;
  g.kernel_h = s.kernel_h;
  g.kernel_w = s.kernel_w;
  g.stride_h = s.stride_h;
  g.stride_w = s.stride_w;
  g.padding_h = s.padding_h;
  g.padding_w = s.padding_w;
  g.dilation_h = s.dilation_h;
  g.dilation_w = s.dilation_w;
  return g;
}

/// One lane a vector of channels, in a power of two up to 32.
template <class T>
void set_lanes(Depthwise& g) {
  const int vectors = g.channels / vector_width<T>;
  g.lanes = 1;
  while (g.lanes < vectors && g.lanes < max_lanes) g.lanes *= 2;
  g.chunks = (vectors + g.lanes - 1) / g.lanes;
}

/// A square window that a kernel is compiled for, without dilation.
bool has_window(const Conv2dShape& s, int kernel, int stride) {
  return s.kernel_h == kernel && s.kernel_w == kernel && s.stride_h == stride && s.stride_w == stride &&
         s.dilation_h == 1 && s.dilation_w == 1;
}

template <class T>
void launch_depthwise_kernel(KernelBackend& backend, const char* name, void (*kernel)(Depthwise), Depthwise g,
                             int results, std::int64_t bytes, std::int64_t operations) {
  set_lanes<T>(g);
  const std::int64_t groups =
      static_cast<std::int64_t>(g.batch) * g.result_height * ceil_div(g.result_width, results);
  // Few enough that a block has several turns for its copy of the filters.
  const std::int64_t fill = std::max<std::int64_t>(1, 8 * multiprocessors / g.chunks);
  const std::int64_t blocks = std::min<std::int64_t>(
      fill, static_cast<std::int64_t>(blocks_for(ceil_div(groups, depthwise_threads / g.lanes), 1).x));
  const std::size_t shared =
      static_cast<std::size_t>(g.taps()) * tap_stride_of(g.lanes * vector_width<T>) * sizeof(float);
  backend.run({name, static_cast<unsigned>(blocks * g.chunks), depthwise_threads, shared, bytes, operations},
              kernel, g);
}

}  // namespace

bool suits_depthwise(const Conv2dProblem& p, const ConstView& source, const ConstView& result) {
  const std::int64_t vector = p.activation == DType::bf16 ? 8 : 4;
  return p.params.groups == p.in_channels && p.in_channels == p.out_channels && p.in_channels % vector == 0 &&
         p.kernel_h * p.kernel_w <= max_depthwise_taps && has_channels_last(p.x_layout, p.x_shape()) &&
         has_channels_last(p.y_layout, p.y_shape()) && is_aligned(source.data) && is_aligned(result.data);
}

void launch_depthwise(KernelBackend& backend, const Conv2dProblem& problem, const Conv2dForward& call) {
  constexpr const char* name = "conv2d_forward_depthwise";
  const Conv2dShape s = to_shape(problem);
  Depthwise g = make_depthwise(s, call.filter.as<float>(), GradientWrite::overwrite);
  g.source = call.x.data;
  g.bias = call.bias.as<float>();
  g.result = call.y.data;
  g.height = s.in_h;
  g.width = s.in_w;
  g.result_height = s.out_h;
  g.result_width = s.out_w;
  with_activation_type(call.name, problem.activation, [&](auto type) {
    using T = decltype(type);
    const auto launch = [&](auto* kernel, int results) {
      launch_depthwise_kernel<T>(backend, name, kernel, g, results, call.bytes(), problem.operations());
    };
    if (has_window(s, 3, 1)) return launch(depthwise_windows_kernel<T, 3, 1>, 4);
    if (has_window(s, 3, 2)) return launch(depthwise_windows_kernel<T, 3, 2>, 2);
    if (has_window(s, 5, 1)) return launch(depthwise_windows_kernel<T, 5, 1>, 4);
    if (has_window(s, 5, 2)) return launch(depthwise_windows_kernel<T, 5, 2>, 2);
    launch(depthwise_any_kernel<T, false>, 1);
  });
}

void launch_depthwise(KernelBackend& backend, const Conv2dProblem& problem, const Conv2dBackwardData& call) {
  constexpr const char* name = "conv2d_backward_data_depthwise";
  const Conv2dShape s = to_shape(problem);
  Depthwise g = make_depthwise(s, call.filter.as<float>(), call.write);
  g.source = call.dy.data;
  g.result = call.dx.data;
  g.height = s.out_h;
  g.width = s.out_w;
  g.result_height = s.in_h;
  g.result_width = s.in_w;
  with_activation_type(call.name, problem.activation, [&](auto type) {
    using T = decltype(type);
    const auto launch = [&](auto* kernel, int results) {
      launch_depthwise_kernel<T>(backend, name, kernel, g, results, call.bytes(), problem.operations());
    };
    if (!has_window(s, 3, 1) && !has_window(s, 5, 1)) return launch(depthwise_any_kernel<T, true>, 1);
    g.reversed = true;
    g.padding_h = s.kernel_h - 1 - s.padding_h;
    g.padding_w = s.kernel_w - 1 - s.padding_w;
    launch(s.kernel_h == 3 ? depthwise_windows_kernel<T, 3, 1> : depthwise_windows_kernel<T, 5, 1>, 4);
  });
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
