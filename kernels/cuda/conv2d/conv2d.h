// The kernels of conv2d: what they are given, and their launchers. conv2d.cu chooses among them.
#pragma once

#include "kernels/backend.h"
#include "kernels/cuda/device/grid.h"
#include "kernels/cuda/kernel_backend.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

/// Conv2dProblem in the kernels' 32-bit integers.
struct Conv2dShape {
  int batch, in_channels, in_h, in_w;
  int out_channels, kernel_h, kernel_w, out_h, out_w;
  int stride_h, stride_w, padding_h, padding_w, dilation_h, dilation_w, groups;

  [[nodiscard]] __host__ __device__ int taps() const { return kernel_h * kernel_w; }
};

[[nodiscard]] Conv2dShape to_shape(const Conv2dProblem& problem);

/// Elements from one index to the next, for each dimension of an activation.
struct ActivationStrides {
  std::int64_t n, c, h, w;
};

[[nodiscard]] ActivationStrides strides_of(Layout layout, const Shape& shape);

/// Whether neighbouring channels are neighbours in memory, as in channels_last.
[[nodiscard]] bool has_channels_last(Layout layout, const Shape& shape);

// conv2d_direct.cu: everything.
void launch_direct(KernelBackend& backend, const Conv2dProblem& problem, const Conv2dForward& call);
void launch_direct(KernelBackend& backend, const Conv2dProblem& problem, const Conv2dBackwardData& call);
void launch_direct(KernelBackend& backend, const Conv2dProblem& problem, const Conv2dBackwardFilter& call);

// conv2d_few_channels.cu: one group, 1 to 4 input channels, y channels_last.
[[nodiscard]] bool suits_few_channels(const Conv2dProblem& problem);
void launch_few_channels(KernelBackend& backend, const Conv2dProblem& problem, const Conv2dForward& call);
void launch_few_channels(KernelBackend& backend, const Conv2dProblem& problem,
                         const Conv2dBackwardFilter& call);

// conv2d_depthwise.cu: a channel a group, channels_last, both in whole pieces of 16 bytes: x and y for forward, dy
// and dx for backward data, x and dy for the filter gradient (conv2d_depthwise_filter.cu), which also needs 3x3 or
// 5x5 taps with stride 1 or 2.
constexpr std::int64_t max_depthwise_taps = 49;  ///< whose filters fit into shared memory
[[nodiscard]] bool suits_depthwise(const Conv2dProblem& problem, const ConstView& source,
                                   const ConstView& result);
[[nodiscard]] bool suits_depthwise_filter(const Conv2dProblem& problem, const ConstView& x,
                                          const ConstView& dy);
void launch_depthwise(KernelBackend& backend, const Conv2dProblem& problem, const Conv2dForward& call);
void launch_depthwise(KernelBackend& backend, const Conv2dProblem& problem, const Conv2dBackwardData& call);
void launch_depthwise(KernelBackend& backend, const Conv2dProblem& problem, const Conv2dBackwardFilter& call);

// conv2d_implicit_gemm.cu, conv2d_implicit_gemm_filter.cu: channels_last. The channels of a group in a pixel of `source`
// must be whole pieces of 16 bytes: x for forward, dy for backward data, both for the filter gradient.
[[nodiscard]] bool suits_implicit_gemm(const Conv2dProblem& problem, const ConstView& source);
void launch_implicit_gemm(KernelBackend& backend, const Conv2dProblem& problem, const Conv2dForward& call);
void launch_implicit_gemm(KernelBackend& backend, const Conv2dProblem& problem,
                          const Conv2dBackwardData& call);
void launch_implicit_gemm(KernelBackend& backend, const Conv2dProblem& problem,
                          const Conv2dBackwardFilter& call);

// conv2d_3x3.cu, conv2d_3x3_filter.cu: also one group, 3x3 taps, stride and dilation 1, and the channels of `source` in
// multiples of 32: x for forward and the filter gradient, dy for backward data.
[[nodiscard]] bool suits_3x3(const Conv2dProblem& problem, const ConstView& source);
/// Whether results of this extent fill most of the tiles that they are cut into.
[[nodiscard]] bool fills_3x3_tiles(std::int64_t height, std::int64_t width);
void launch_3x3(KernelBackend& backend, const Conv2dProblem& problem, const Conv2dForward& call);
void launch_3x3(KernelBackend& backend, const Conv2dProblem& problem, const Conv2dBackwardData& call);
void launch_3x3(KernelBackend& backend, const Conv2dProblem& problem, const Conv2dBackwardFilter& call);

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
