#include "kernels/common/resample.h"

#include "kernels/common/augment.h"
#include "kernels/common/error.h"

#include <algorithm>
#include <cmath>

namespace xr::kernels {

void Taps::compute(int source_first, int source_count, int out_size, int out_first, int out_count,
                   bool reversed) {
  XR_CHECK(source_count > 0 && out_size > 0 && out_first >= 0 && out_count > 0 &&
               out_count <= out_size - out_first,
           "cannot resample {} pixels to {} to {} of {}", source_count, out_first, out_first + out_count,
           out_size);
  const double scale = TriangleTaps::scale(source_count, out_size);
  stride_ = static_cast<std::size_t>(std::ceil(std::max(scale, 1.0))) * 2 + 1;
  first_.resize(out_count);
  count_.resize(out_count);
  weights_.resize(stride_ * out_count);
  low_ = source_first + source_count;
  high_ = source_first;
  for (int i = 0; i < out_count; ++i) {
    const TriangleTaps taps =
        TriangleTaps::at(out_first + (reversed ? out_count - 1 - i : i), scale, source_count);
    float* weights = &weights_[stride_ * i];
    for (int s = taps.begin; s < taps.end; ++s) weights[s - taps.begin] = taps.weight(s);
    first_[i] = source_first + taps.begin;
    count_[i] = taps.end - taps.begin;
    low_ = std::min(low_, first_[i]);
    high_ = std::max(high_, first_[i] + count_[i]);
  }
}

namespace detail {

void blend_rows(const std::uint8_t* pixels, std::size_t row_bytes, std::size_t begin, std::size_t end,
                const Taps& y_taps, int y, std::vector<float>& row) {
  const std::size_t length = end - begin;
  row.resize(length);
  float* const out = row.data();
  const float* weights = y_taps.weights(y);
  const std::uint8_t* source = pixels + y_taps.first(y) * row_bytes + begin;
  const int count = y_taps.count(y);
  int k = 0;
  if (count >= 2) {
    const std::uint8_t* next = source + row_bytes;
    const float w0 = weights[0], w1 = weights[1];
    for (std::size_t i = 0; i < length; ++i)
      out[i] = w0 * static_cast<float>(source[i]) + w1 * static_cast<float>(next[i]);
    k = 2;
  } else {
    const float w0 = weights[0];
    for (std::size_t i = 0; i < length; ++i) out[i] = w0 * static_cast<float>(source[i]);
    k = 1;
  }
  for (; k < count; ++k) {
    const std::uint8_t* next = source + k * row_bytes;
    const float w = weights[k];
    for (std::size_t i = 0; i < length; ++i) out[i] += w * static_cast<float>(next[i]);
  }
}

}  // namespace detail

}  // namespace xr::kernels
