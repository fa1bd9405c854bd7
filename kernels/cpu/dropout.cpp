// Dropout: y = x * factor, where the factor is 0 for elements whose random number is below the probability
// and 1 / (1 - probability) otherwise (Srivastava et al., JMLR 2014; scaled in training as PyTorch does).
//
// The random number belongs to the element's logical index (or to n C + c for whole channels), so the mask is
// the same in every layout. One Philox block serves four consecutive indices: about 2.5 ns per element, and
// 2 tensors moved (3 when it accumulates). Each pass of a plane draws the factors of one channel's run of
// pixels, which are consecutive indices, and applies them.
#include <algorithm>

#include "kernels/cpu/channel_layout.h"
#include "kernels/cpu/checks.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/parallel.h"
#include "kernels/random.h"

namespace xr::kernels::cpu {

namespace {

constexpr std::int64_t run_elements = 1024, lane_group = 16;

class Mask {
 public:
  explicit Mask(const DropoutParams& params)
      : params_(params), kept_scale_(params.probability < 1.0f ? 1.0f / (1.0f - params.probability) : 0.0f) {}

  /// out[i] = factor of draw first + i.
  void factors(std::int64_t first, std::int64_t count, float* out) const {
    std::uint64_t draw = params_.offset + static_cast<std::uint64_t>(first);
    for (std::int64_t i = 0; i < count;) {
      const PhiloxBlock block = philox(params_.seed, params_.stream, draw / 4);
      for (std::uint64_t word = draw % 4; word < 4 && i < count; ++word, ++draw, ++i)
        out[i] = uniform_float(block.word[word]) < params_.probability ? 0.0f : kept_scale_;
    }
  }

 private:
  DropoutParams params_;
  float kept_scale_;
};

// x and y: `count` elements, `stride` apart.
void apply(const float* x, const float* factors, std::int64_t stride, float* y, std::int64_t count,
           bool accumulate) {
  if (accumulate)
    for (std::int64_t i = 0; i < count; ++i) y[i * stride] += x[i * stride] * factors[i];
  else
    for (std::int64_t i = 0; i < count; ++i) y[i * stride] = x[i * stride] * factors[i];
}

void drop_elements_in_order(const Mask& mask, const float* x, float* y, std::int64_t count, bool accumulate) {
  parallel_ranges(count, 16 * run_elements, [&](std::int64_t begin, std::int64_t end) {
    float factors[run_elements];
    for (std::int64_t first = begin; first < end; first += run_elements) {
      const std::int64_t run = std::min(run_elements, end - first);
      mask.factors(first, run, factors);
      apply(x + first, factors, 1, y + first, run, accumulate);
    }
  });
}

void drop_elements(const Mask& mask, const ChannelLayout& layout, const float* x, float* y, bool accumulate) {
  for_each_span(layout, 16 * run_elements, [&](std::int64_t plane, std::int64_t begin, std::int64_t end) {
    float factors[run_elements];
    const std::int64_t first_channel = plane * layout.lanes;  // counted over all images
    for (std::int64_t lanes = 0; lanes < layout.lanes; lanes += lane_group)
      for (std::int64_t pixel = begin; pixel < end; pixel += run_elements)
        for (std::int64_t lane = lanes; lane < std::min(layout.lanes, lanes + lane_group); ++lane) {
          const std::int64_t run = std::min(run_elements, end - pixel);
          mask.factors((first_channel + lane) * layout.pixels + pixel, run, factors);
          const std::int64_t start = (plane * layout.pixels + pixel) * layout.lanes + lane;
          apply(x + start, factors, layout.lanes, y + start, run, accumulate);
        }
  });
}

void drop_channels(const Mask& mask, const ChannelLayout& layout, const float* x, float* y, bool accumulate) {
  for_each_span(layout, 16 * run_elements, [&](std::int64_t plane, std::int64_t begin, std::int64_t end) {
    float factors[run_elements];
    for (std::int64_t lane = 0; lane < layout.lanes; lane += run_elements) {
      const std::int64_t lanes = std::min(run_elements, layout.lanes - lane);
      mask.factors(plane * layout.lanes + lane, lanes, factors);
      for (std::int64_t pixel = begin; pixel < end; ++pixel) {
        const std::int64_t start = (plane * layout.pixels + pixel) * layout.lanes + lane;
        apply(x + start, factors, 1, y + start, lanes, accumulate);
      }
    }
  });
}

}  // namespace

void CpuBackend::dropout(const DropoutParams& params, ConstView x, View y, GradientWrite write) {
  require_alike("dropout", "x", x, "y", y);
  XR_CHECK(params.probability >= 0.0f && params.probability <= 1.0f,
           "dropout: the probability is {}: it must lie in [0, 1]", params.probability);
  const Mask mask(params);
  const bool accumulate = write == GradientWrite::accumulate;
  const float* in = x.as<float>();
  float* out = y.as<float>();
  if (params.whole_channels) {
    XR_CHECK(x.shape.rank() >= 2, "dropout: x has the shape {}: whole channels need (N, C, ...)",
             x.shape.to_string());
    ChannelLayout layout{x.shape[0], x.shape[1], 1, 1, 1, 1};
    if (x.layout == Layout::contiguous)
      for (std::size_t d = 2; d < x.shape.rank(); ++d) layout.pixels *= x.shape[d];
    else
      layout = spatial_layout(x.shape, x.layout);
    drop_channels(mask, layout, in, out, accumulate);
  } else if (x.layout == Layout::contiguous) {
    drop_elements_in_order(mask, in, out, x.numel(), accumulate);
  } else {
    drop_elements(mask, spatial_layout(x.shape, x.layout), in, out, accumulate);
  }
}

}  // namespace xr::kernels::cpu
