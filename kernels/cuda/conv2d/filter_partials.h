// The partial filter gradients of conv2d, and the pass that adds them up.
#pragma once

#include "kernels/cuda/conv2d/conv2d.h"
#include "kernels/cuda/elements.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

/// `splits` rows of filter_count elements of d_filter and bias_count of d_bias; or, with is_result, these
/// themselves.
struct FilterPartials {
  float *filter, *bias;  ///< of the first row
  int splits;
  std::int64_t filter_count, bias_count;
  /// In what order a row holds the filter: O, C, kH, kW with taps = 1, O, kH, kW, C with the number of taps.
  int channels, taps;
  bool is_result;
  GradientWrite write;

  [[nodiscard]] __host__ __device__ std::int64_t row_length() const { return filter_count + bias_count; }
  [[nodiscard]] __device__ float* filter_of(int split) const { return filter + split * row_length(); }
  [[nodiscard]] __device__ float* bias_of(int split) const { return bias + split * row_length(); }
  __device__ __forceinline__ void store(float* to, float sum) const {
    Elements<float, 1>{{sum}}.write(to, write);
  }
};

/// Where a kernel puts the partial sums of `call`, which it has in the order O, kH, kW, C or, with
/// channels_last = false, in that of d_filter.
[[nodiscard]] FilterPartials make_filter_partials(KernelBackend& backend, const Conv2dBackwardFilter& call,
                                                  int splits, bool channels_last);

/// Queues the second pass, if there is something to add or to reorder.
void sum_filter_partials(KernelBackend& backend, const Conv2dBackwardFilter& call,
                         const FilterPartials& partials);

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
