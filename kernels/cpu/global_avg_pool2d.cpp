// Global average pooling: (N, C, H, W) in any layout -> the means over H and W, (N, C) contiguous.
//
// Sums are carried in double, one plane after the other. Bytes moved: x once; backward dx once (twice when it
// accumulates). Bound by memory.
#include "kernels/cpu/channel_layout.h"
#include "kernels/cpu/checks.h"
#include "kernels/cpu/cpu_backend.h"

namespace xr::kernels::cpu {

namespace {

constexpr std::int64_t lane_group = 64;

// sums[i] = sum over p of x[p step + i], lanes <= lane_group.
XR_MULTIVERSION void sum_pixels(const float* x, std::int64_t step, std::int64_t pixels, std::int64_t lanes,
                                double* sums) {
  if (lanes == 16) {
    double local[16] = {};
    for (std::int64_t p = 0; p < pixels; ++p)
      for (std::int64_t i = 0; i < 16; ++i) local[i] += x[p * step + i];
    for (std::int64_t i = 0; i < 16; ++i) sums[i] = local[i];
  } else {
    std::fill(sums, sums + lanes, 0.0);
    for (std::int64_t p = 0; p < pixels; ++p)
      for (std::int64_t i = 0; i < lanes; ++i) sums[i] += x[p * step + i];
  }
}

// A contiguous plane is summed in 16 interleaved parts.
double sum_plane(const float* x, std::int64_t pixels) {
  double parts[16];
  sum_pixels(x, 16, pixels / 16, 16, parts);
  double total = 0;
  for (const double part : parts) total += part;
  for (std::int64_t p = pixels / 16 * 16; p < pixels; ++p) total += x[p];
  return total;
}

XR_MULTIVERSION void spread_plane(float share, float* to, std::int64_t pixels, bool accumulate) {
  if (accumulate)
    for (std::int64_t p = 0; p < pixels; ++p) to[p] += share;
  else
    std::fill(to, to + pixels, share);
}

XR_MULTIVERSION void spread_pixels(const float* __restrict share, float* __restrict to, std::int64_t step,
                                   std::int64_t pixels, std::int64_t lanes, bool accumulate) {
  for (std::int64_t p = 0; p < pixels; ++p, to += step)
    if (accumulate)
      for (std::int64_t i = 0; i < lanes; ++i) to[i] += share[i];
    else
      for (std::int64_t i = 0; i < lanes; ++i) to[i] = share[i];
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

}  // namespace

void CpuBackend::compute(const GlobalAvgPool2dForward& call) {
  require_f32(call.name, "x", call.x);
  const Planes planes(call.x);
  const ChannelLayout& layout = planes.layout;
  const float* in = call.x.as<float>();
  float* out = call.y.as<float>();
  const auto pixels = static_cast<double>(layout.pixels);
  planes.for_each([&](std::int64_t plane, std::int64_t lane, std::int64_t lanes) {
    const float* start = in + plane * layout.plane_elements() + lane;
    double sums[lane_group];
    if (layout.lanes == 1)
      sums[0] = sum_plane(start, layout.pixels);
    else
      sum_pixels(start, layout.lanes, layout.pixels, lanes, sums);
    for (std::int64_t i = 0; i < lanes; ++i)
      out[plane * layout.lanes + lane + i] = static_cast<float>(sums[i] / pixels);
  });
}

void CpuBackend::compute(const GlobalAvgPool2dBackward& call) {
  require_f32(call.name, "dx", call.dx);
  const Planes planes(call.dx);
  const ChannelLayout& layout = planes.layout;
  const float* gradient = call.dy.as<float>();
  float* result = call.dx.as<float>();
  const auto pixels = static_cast<float>(layout.pixels);
  planes.for_each([&](std::int64_t plane, std::int64_t lane, std::int64_t lanes) {
    float share[lane_group];
    for (std::int64_t i = 0; i < lanes; ++i) share[i] = gradient[plane * layout.lanes + lane + i] / pixels;
    float* to = result + plane * layout.plane_elements() + lane;
    if (layout.lanes == 1)
      spread_plane(share[0], to, layout.pixels, call.write == GradientWrite::accumulate);
    else
      spread_pixels(share, to, layout.lanes, layout.pixels, lanes, call.write == GradientWrite::accumulate);
  });
}

}  // namespace xr::kernels::cpu
