// The filter gradient in bf16 of convolutions of 2 to 4 input channels, y channels_last: x is copied into 8 channels, the
// last of them zeros, for oneDNN's kernel, and dy is read as it is.
//
// Measured (ms of one thread, AMX, oneDNN 2.6.3) beside the kernel for few channels, which takes floats:
//   8 x 3 x 224 x 224 -> 64, 7x7, stride 2    14 (26)
//   8 x 3 x 224 x 224 -> 32, 3x3, stride 2    4.5 (5.7)
// With one channel there is nothing to gain: 12.7 (11.8) for 7x7.
#include "kernels/common/bf16.h"
#include "kernels/common/parallel.h"
#include "kernels/cpu/conv2d/conv2d.h"

namespace xr::kernels::cpu {
namespace {

constexpr std::int64_t padded_channels = 8;

// x as (N, H, W, 8).
void pad_channels(const Conv2dProblem& p, const Bf16* x, Bf16* padded) {
  const std::int64_t channels = p.in_channels, plane = p.in_h * p.in_w;
  const bool channels_last = p.x_layout == Layout::channels_last;
  parallel_for(p.batch * p.in_h, [&](std::int64_t row) {
    const std::int64_t n = row / p.in_h, first = row % p.in_h * p.in_w;
    const Bf16* const image = x + n * channels * plane;
    Bf16* to = padded + row * p.in_w * padded_channels;
    for (std::int64_t pixel = first; pixel < first + p.in_w; ++pixel)
      for (std::int64_t c = 0; c < padded_channels; ++c)
        *to++ = c >= channels   ? Bf16{0}
                : channels_last ? image[pixel * channels + c]
                                : image[c * plane + pixel];
  });
}

}  // namespace

bool has_padded_channels_backward_filter(const Conv2dProblem& p) {
  return p.activation == DType::bf16 && has_few_channels(p) && p.in_channels >= 2 &&
         p.y_layout == Layout::channels_last && p.out_w <= max_row_in_bf16;
}

void padded_channels_backward_filter(OneDnn& one_dnn, const Conv2dProblem& problem, const void* x,
                                     const void* dy, float* d_filter, float* d_bias, GradientWrite write) {
  Conv2dProblem padded = problem;
  padded.in_channels = padded_channels;
  padded.x_layout = Layout::channels_last;
  const std::int64_t area = problem.kernel_h * problem.kernel_w;
  one_dnn.add_record(
      {Conv2dBackwardFilter::name, "x", problem.x_shape().numel() * static_cast<std::int64_t>(sizeof(Bf16))});
  void* const copy = one_dnn.temporary(Temporary::reordered, (padded.x_shape().numel() + 1) / 2);
  pad_channels(problem, static_cast<const Bf16*>(x), static_cast<Bf16*>(copy));
  const std::int64_t elements = padded_channels * area;
  float* const sums = one_dnn.temporary(Temporary::filter, problem.out_channels * (elements + 1));
  float* const bias_sums = d_bias == nullptr ? nullptr : sums + problem.out_channels * elements;
  onednn_backward_filter(one_dnn, padded, copy, dy, sums, bias_sums, GradientWrite::overwrite);
  const auto put = [write](float sum, float& to) { to = write == GradientWrite::overwrite ? sum : to + sum; };
  const std::int64_t taps = problem.in_channels * area;
  for (std::int64_t o = 0; o < problem.out_channels; ++o) {
    for (std::int64_t i = 0; i < taps; ++i) put(sums[o * elements + i], d_filter[o * taps + i]);
    if (d_bias != nullptr) put(bias_sums[o], d_bias[o]);
  }
}

}  // namespace xr::kernels::cpu
