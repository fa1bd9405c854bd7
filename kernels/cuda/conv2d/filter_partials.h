// The partial filter gradients of conv2d in the workspace, and the pass that adds them up.
#pragma once

#include "kernels/cuda/conv2d/conv2d.h"
#include "kernels/cuda/sum_partials.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

/// `splits` rows of filter_count elements of d_filter and bias_count of d_bias.
struct FilterPartials {
  float* data;
  int splits;
  std::int64_t filter_count, bias_count;
  /// In what order a row holds the filter: O, C, kH, kW with channels = 1, O, kH, kW, C with the number of C
  /// (and taps = kH kW).
  int channels = 1, taps = 1;

  [[nodiscard]] __host__ __device__ std::int64_t row_length() const { return filter_count + bias_count; }
  [[nodiscard]] __device__ float* row(int split) const { return data + split * row_length(); }
};

/// Workspace for the partial sums of `call`.
[[nodiscard]] inline FilterPartials make_filter_partials(KernelBackend& backend,
                                                         const Conv2dBackwardFilter& call, int splits) {
  FilterPartials partials{nullptr, splits, call.d_filter.numel(),
                          call.d_bias.defined() ? call.d_bias.numel() : 0};
  const auto elements = static_cast<std::size_t>(partials.row_length() * splits);
  partials.data = static_cast<float*>(backend.workspace(elements * sizeof(float)));
  return partials;
}

/// Writes an element of a row where it belongs.
struct StoreFilterGradient {
  float *d_filter, *d_bias;
  std::int64_t filter_count;
  int channels, taps;
  GradientWrite write;

  __device__ void operator()(std::int64_t i, float sum) const {
    const auto c = static_cast<int>(i % channels), tap = static_cast<int>(i / channels % taps);
    float* to = i < filter_count ? d_filter + (i / channels / taps * channels + c) * taps + tap
                                 : d_bias + (i - filter_count);
    *to = write == GradientWrite::accumulate ? *to + sum : sum;
  }
};

inline void sum_filter_partials(KernelBackend& backend, const Conv2dBackwardFilter& call,
                                const FilterPartials& partials) {
  sum_partials(backend, "conv2d_backward_filter_sum", partials.data, partials.splits, partials.row_length(),
               StoreFilterGradient{call.d_filter.as<float>(), call.d_bias.as<float>(), partials.filter_count,
                                   partials.channels, partials.taps, call.write});
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
