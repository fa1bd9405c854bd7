// Separable resampling with the antialiased triangle filter: the one inner loop of resizing and augmenting.
// The weights are those of TriangleTaps (kernels/common/augment.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace xr::kernels {

/// The taps of one axis: output i takes count(i) source pixels from first(i) on. Reusable: compute()
/// allocates only to grow.
class Taps {
 public:
  /// Outputs out_first .. out_first + out_count of the box [source_first, source_first + source_count) scaled
  /// to out_size. `reversed` gives them in the opposite order (a flip).
  void compute(int source_first, int source_count, int out_size, int out_first, int out_count,
               bool reversed = false);

  [[nodiscard]] int size() const { return static_cast<int>(first_.size()); }
  [[nodiscard]] int first(int i) const { return first_[i]; }
  [[nodiscard]] int count(int i) const { return count_[i]; }
  [[nodiscard]] const float* weights(int i) const { return &weights_[static_cast<std::size_t>(i) * stride_]; }
  /// The source pixels that any output takes: [low, high).
  [[nodiscard]] int low() const { return low_; }
  [[nodiscard]] int high() const { return high_; }

 private:
  std::vector<int> first_, count_;
  std::vector<float> weights_;
  std::size_t stride_ = 0;
  int low_ = 0, high_ = 0;
};

namespace detail {
/// row[i] = sum over the taps of output y of weight * source(tap, i), for i in [begin, end) of a source row.
void blend_rows(const std::uint8_t* pixels, std::size_t row_bytes, std::size_t begin, std::size_t end,
                const Taps& y_taps, int y, std::vector<float>& row);
}  // namespace detail

/// Calls sink(y, x, channel, value) for every output; value is 0..255, unrounded. `pixels` has `channels`
/// interleaved channels. `row` is a buffer that the caller keeps.
template <class Sink>
void resample(const std::uint8_t* pixels, int width, int channels, const Taps& x_taps, const Taps& y_taps,
              std::vector<float>& row, Sink&& sink) {
  const std::size_t step = static_cast<std::size_t>(channels);
  const std::size_t begin = x_taps.low() * step, end = x_taps.high() * step;
  for (int y = 0; y < y_taps.size(); ++y) {
    detail::blend_rows(pixels, width * step, begin, end, y_taps, y, row);
    for (int x = 0; x < x_taps.size(); ++x) {
      const float* weights = x_taps.weights(x);
      const float* source = row.data() + x_taps.first(x) * step - begin;
      for (int c = 0; c < channels; ++c) {
        float sum = 0;
        for (int k = 0; k < x_taps.count(x); ++k) sum += weights[k] * source[k * step + c];
        sink(y, x, c, sum);
      }
    }
  }
}

}  // namespace xr::kernels
