// Dropout: y = x * factor, where the factor is 0 for elements whose random number is below the probability
// and 1 / (1 - probability) otherwise (Srivastava et al., JMLR 2014; scaled in training as PyTorch does).
//
// The random number belongs to the element's logical index (or to n C + c for whole channels), so the mask is
// the same in every layout. One Philox block serves four consecutive indices, 16 blocks are drawn at a time
// in vector registers (0.7 ns per element against 2.5 one by one). A plane is walked channel by channel in
// runs of pixels, which are consecutive indices, short enough that the run of all lanes stays in the
// first-level cache. Bytes moved: 2 tensors (3 when it accumulates).
#include <algorithm>

#include "kernels/common/bf16.h"
#include "kernels/common/checks.h"
#include "kernels/common/parallel.h"
#include "kernels/common/random.h"
#include "kernels/cpu/channel_layout.h"
#include "kernels/cpu/cpu_backend.h"

namespace xr::kernels::cpu {

namespace {

constexpr std::int64_t run_elements = 256, group_lanes = 16, task_elements = 16384;
constexpr std::int64_t blocks_at_once = 16, words_at_once = 4 * blocks_at_once;

XR_MULTIVERSION void draw_words(std::uint64_t seed, std::uint64_t stream, std::uint64_t first_block,
                                std::uint32_t* __restrict words) {
  for (std::uint64_t b = 0; b < blocks_at_once; ++b) {
    const PhiloxBlock block = philox(seed, stream, first_block + b);
    for (std::uint64_t i = 0; i < 4; ++i) words[4 * b + i] = block.word[i];
  }
}

XR_MULTIVERSION void factors_of(const std::uint32_t* __restrict words, float probability, float kept_scale,
                                float* __restrict out, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = uniform_float(words[i]) < probability ? 0.0f : kept_scale;
}

class Mask {
 public:
  explicit Mask(const DropoutParams& params)
      : params_(params), kept_scale_(params.probability < 1.0f ? 1.0f / (1.0f - params.probability) : 0.0f) {
    if (params.offset_on_device != nullptr) params_.offset += *params.offset_on_device;
  }

  /// out[i] = factor of draw first + i, i < count <= run_elements.
  void factors(std::int64_t first, std::int64_t count, float* out) const {
    const std::uint64_t draw = params_.offset + static_cast<std::uint64_t>(first);
    const auto skipped = static_cast<std::int64_t>(draw % 4);
    std::uint32_t words[run_elements + words_at_once + 4];
    for (std::int64_t i = 0; i < skipped + count; i += words_at_once)
      draw_words(params_.seed, params_.stream, (draw + static_cast<std::uint64_t>(i)) / 4, words + i);
    factors_of(words + skipped, params_.probability, kept_scale_, out, count);
  }

 private:
  DropoutParams params_;
  float kept_scale_;
};

// x and y: `count` elements, `stride` apart.
template <class T>
XR_MULTIVERSION void apply(const T* x, const float* factors, std::int64_t stride, T* y, std::int64_t count,
                           bool accumulate) {
  if (accumulate)
    for (std::int64_t i = 0; i < count; ++i)
      y[i * stride] = from_float<T>(to_float(y[i * stride]) + to_float(x[i * stride]) * factors[i]);
  else if (stride == 1)
    for (std::int64_t i = 0; i < count; ++i) y[i] = from_float<T>(to_float(x[i]) * factors[i]);
  else
    for (std::int64_t i = 0; i < count; ++i)
      y[i * stride] = from_float<T>(to_float(x[i * stride]) * factors[i]);
}

template <class T>
void drop_elements_in_order(const Mask& mask, const T* x, T* y, std::int64_t count, bool accumulate) {
  parallel_ranges(count, task_elements, [&](std::int64_t begin, std::int64_t end) {
    float factors[run_elements];
    for (std::int64_t first = begin; first < end; first += run_elements) {
      const std::int64_t run = std::min(run_elements, end - first);
      mask.factors(first, run, factors);
      apply(x + first, factors, 1, y + first, run, accumulate);
    }
  });
}

template <class T>
void drop_elements(const Mask& mask, const ChannelLayout& layout, const T* x, T* y, bool accumulate) {
  for_each_span(layout, task_elements, [&](std::int64_t plane, std::int64_t begin, std::int64_t end) {
    float factors[run_elements];
    const std::int64_t first_channel = plane * layout.lanes;  // counted over all images
    for (std::int64_t lanes = 0; lanes < layout.lanes; lanes += group_lanes)
      for (std::int64_t pixel = begin; pixel < end; pixel += run_elements)
        for (std::int64_t lane = lanes; lane < std::min(layout.lanes, lanes + group_lanes); ++lane) {
          const std::int64_t run = std::min(run_elements, end - pixel);
          mask.factors((first_channel + lane) * layout.pixels + pixel, run, factors);
          const std::int64_t start = (plane * layout.pixels + pixel) * layout.lanes + lane;
          apply(x + start, factors, layout.lanes, y + start, run, accumulate);
        }
  });
}

template <class T>
XR_MULTIVERSION void scale_run(const T* __restrict x, T* __restrict y, float factor, std::int64_t count,
                               bool accumulate) {
  if (accumulate)
    for (std::int64_t i = 0; i < count; ++i) y[i] = from_float<T>(to_float(y[i]) + factor * to_float(x[i]));
  else
    for (std::int64_t i = 0; i < count; ++i) y[i] = from_float<T>(factor * to_float(x[i]));
}

template <class T>
void drop_channels(const Mask& mask, const ChannelLayout& layout, const T* x, T* y, bool accumulate) {
  for_each_span(layout, task_elements, [&](std::int64_t plane, std::int64_t begin, std::int64_t end) {
    float factors[run_elements];
    for (std::int64_t lane = 0; lane < layout.lanes; lane += run_elements) {
      const std::int64_t lanes = std::min(run_elements, layout.lanes - lane);
      mask.factors(plane * layout.lanes + lane, lanes, factors);
      if (layout.lanes == 1) {
        const std::int64_t start = plane * layout.pixels + begin;
        return scale_run(x + start, y + start, factors[0], end - begin, accumulate);
      }
      for (std::int64_t pixel = begin; pixel < end; ++pixel) {
        const std::int64_t start = (plane * layout.pixels + pixel) * layout.lanes + lane;
        apply(x + start, factors, 1, y + start, lanes, accumulate);
      }
    }
  });
}

template <class T>
void drop(const Dropout& call) {
  const Mask mask(call.params);
  const bool accumulate = call.write == GradientWrite::accumulate;
  const T* in = call.x.as<T>();
  T* out = call.y.as<T>();
  if (call.params.whole_channels) {
    ChannelLayout layout{call.x.shape[0], call.x.shape[1], 1, 1, 1, 1};
    if (call.x.layout == Layout::contiguous)
      for (std::size_t d = 2; d < call.x.shape.rank(); ++d) layout.pixels *= call.x.shape[d];
    else
      layout = spatial_layout(call.x.shape, call.x.layout);
    drop_channels(mask, layout, in, out, accumulate);
  } else if (call.x.layout == Layout::contiguous) {
    drop_elements_in_order(mask, in, out, call.x.numel(), accumulate);
  } else {
    drop_elements(mask, spatial_layout(call.x.shape, call.x.layout), in, out, accumulate);
  }
}

}  // namespace

void CpuBackend::compute(const Dropout& call) {
  with_activation_type(call.name, call.x.dtype, [&](auto type) { drop<decltype(type)>(call); });
}

}  // namespace xr::kernels::cpu
