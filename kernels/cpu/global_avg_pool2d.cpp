// Global average pooling: (N, C, H, W) in any layout -> the means over H and W, (N, C) contiguous.
//
// Sums are carried in double, one plane after the other. Bytes moved: x once; backward dx once (twice when it
// accumulates). Bound by memory.
#include "kernels/common/bf16.h"
#include "kernels/common/checks.h"
#include "kernels/cpu/channel_layout.h"
#include "kernels/cpu/cpu_backend.h"

namespace xr::kernels::cpu {

namespace {

constexpr std::int64_t lane_group = 64;

// sums[i] = sum over p of x[p step + i], lanes <= lane_group.
template <class T>
XR_MULTIVERSION void sum_pixels(const T* x, std::int64_t step, std::int64_t pixels, std::int64_t lanes,
                                double* sums) {
  if (lanes == 16) {
    double local[16] = {};
    for (std::int64_t p = 0; p < pixels; ++p)
      for (std::int64_t i = 0; i < 16; ++i) local[i] += to_float(x[p * step + i]);
    for (std::int64_t i = 0; i < 16; ++i) sums[i] = local[i];
  } else {
    std::fill(sums, sums + lanes, 0.0);
    for (std::int64_t p = 0; p < pixels; ++p)
      for (std::int64_t i = 0; i < lanes; ++i) sums[i] += to_float(x[p * step + i]);
  }
}

// A contiguous plane is summed in 16 interleaved parts.
template <class T>
double sum_plane(const T* x, std::int64_t pixels) {
  double parts[16];
  sum_pixels(x, 16, pixels / 16, 16, parts);
  double total = 0;
  for (const double part : parts) total += part;
  for (std::int64_t p = pixels / 16 * 16; p < pixels; ++p) total += to_float(x[p]);
  return total;
}

// to[p step + i] = or += share[i].
template <class T>
XR_MULTIVERSION void spread_pixels(const float* __restrict share, T* __restrict to, std::int64_t step,
                                   std::int64_t pixels, std::int64_t lanes, bool accumulate) {
  for (std::int64_t p = 0; p < pixels; ++p, to += step)
    if (accumulate)
      for (std::int64_t i = 0; i < lanes; ++i) to[i] = from_float<T>(to_float(to[i]) + share[i]);
    else
      for (std::int64_t i = 0; i < lanes; ++i) to[i] = from_float<T>(share[i]);
}

template <class T>
XR_MULTIVERSION void spread_plane(float share, T* to, std::int64_t pixels, bool accumulate) {
  if (accumulate)
    for (std::int64_t p = 0; p < pixels; ++p) to[p] = from_float<T>(to_float(to[p]) + share);
  else
    std::fill(to, to + pixels, from_float<T>(share));
}

struct Planes {
  ChannelLayout layout;

  explicit Planes(const ConstView& full) : layout(spatial_layout(full.shape, full.layout)) {}

  /// Calls body(plane, first lane, lanes), several small planes per task.
  template <class Body>
  void for_each(Body&& body) const {
    const std::int64_t groups = (layout.lanes + lane_group - 1) / lane_group;
    const std::int64_t elements = layout.pixels * std::min(layout.lanes, lane_group);
    parallel_ranges(layout.planes() * groups, std::max<std::int64_t>(1, 32768 / elements),
                    [&](std::int64_t begin, std::int64_t end) {
                      for (std::int64_t i = begin; i < end; ++i) {
                        const std::int64_t lane = i % groups * lane_group;
                        body(i / groups, lane, std::min(lane_group, layout.lanes - lane));
                      }
                    });
  }
};

template <class T>
void forward(const GlobalAvgPool2dForward& call) {
  const Planes planes(call.x);
  const ChannelLayout& layout = planes.layout;
  const T* in = call.x.as<T>();
  T* out = call.y.as<T>();
  const auto pixels = static_cast<double>(layout.pixels);
  planes.for_each([&](std::int64_t plane, std::int64_t lane, std::int64_t lanes) {
    const T* start = in + plane * layout.plane_elements() + lane;
    double sums[lane_group];
    if (layout.lanes == 1)
      sums[0] = sum_plane(start, layout.pixels);
    else
      sum_pixels(start, layout.lanes, layout.pixels, lanes, sums);
    for (std::int64_t i = 0; i < lanes; ++i)
      out[plane * layout.lanes + lane + i] = from_float<T>(static_cast<float>(sums[i] / pixels));
  });
}

template <class T>
void backward(const GlobalAvgPool2dBackward& call) {
  const Planes planes(call.dx);
  const ChannelLayout& layout = planes.layout;
  const T* gradient = call.dy.as<T>();
  T* result = call.dx.as<T>();
  const auto pixels = static_cast<float>(layout.pixels);
  planes.for_each([&](std::int64_t plane, std::int64_t lane, std::int64_t lanes) {
    float share[lane_group];
    for (std::int64_t i = 0; i < lanes; ++i)
      share[i] = to_float(gradient[plane * layout.lanes + lane + i]) / pixels;
    T* to = result + plane * layout.plane_elements() + lane;
    if (layout.lanes == 1)
      spread_plane(share[0], to, layout.pixels, call.write == GradientWrite::accumulate);
    else
      spread_pixels(share, to, layout.lanes, layout.pixels, lanes, call.write == GradientWrite::accumulate);
  });
}

}  // namespace

void CpuBackend::compute(const GlobalAvgPool2dForward& call) {
  with_activation_type(call.name, call.x.dtype, [&](auto type) { forward<decltype(type)>(call); });
}

void CpuBackend::compute(const GlobalAvgPool2dBackward& call) {
  with_activation_type(call.name, call.dx.dtype, [&](auto type) { backward<decltype(type)>(call); });
}

}  // namespace xr::kernels::cpu
