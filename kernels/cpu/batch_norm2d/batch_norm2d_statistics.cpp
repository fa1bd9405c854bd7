#include "kernels/cpu/batch_norm2d/batch_norm2d_statistics.h"

#include <cmath>

namespace xr::kernels::cpu {

namespace {

// How a batch is cut. A unit is summed in float (256 additions per position with the usual period of 64); a
// piece of 1 to 16 units is one task, so that large batches need few partial sums and small ones still occupy
// many threads.
constexpr std::int64_t unit_elements = 16384, max_units = 16, wanted_tasks = 256;

class Partition {
 public:
  explicit Partition(const ChannelLayout& layout) : layout_(layout), period_(position_period(layout)) {
    const std::int64_t step = period_ / layout.lanes;  // pixels, so that runs end with a period
    const std::int64_t units = std::clamp<std::int64_t>(
        layout.planes() * layout.plane_elements() / (unit_elements * wanted_tasks), 1, max_units);
    pixels_per_unit_ = std::max<std::int64_t>(1, unit_elements / period_) * step;
    images_per_unit_ = images_in(pixels_per_unit_, unit_elements);
    pixels_per_piece_ = units * pixels_per_unit_;
    images_per_piece_ = images_in(pixels_per_piece_, units * unit_elements);
    image_pieces_ = (layout.outer + images_per_piece_ - 1) / images_per_piece_;
    pixel_pieces_ = (layout.pixels + pixels_per_piece_ - 1) / pixels_per_piece_;
  }

  [[nodiscard]] std::int64_t period() const { return period_; }
  [[nodiscard]] std::int64_t pieces_per_block() const { return image_pieces_ * pixel_pieces_; }

  /// Calls body(block, piece, task) in parallel; tasks are numbered from 0.
  template <class Body>
  void for_each_piece(Body&& body) const {
    parallel_for(layout_.blocks * pieces_per_block(), [&](std::int64_t task) {
      const std::int64_t rest = task / pixel_pieces_;
      body(rest % layout_.blocks, rest / layout_.blocks * pixel_pieces_ + task % pixel_pieces_, task);
    });
  }
  [[nodiscard]] std::int64_t tasks() const { return layout_.blocks * pieces_per_block(); }

  /// Calls body(offset of the first element in x, and in dy, runs, values per channel) for the units of a piece, in order.
  template <class Body>
  void for_each_unit(std::int64_t block, std::int64_t piece, Body&& body) const {
    const std::int64_t first_image = piece / pixel_pieces_ * images_per_piece_,
                       last_image = std::min(layout_.outer, first_image + images_per_piece_),
                       first_pixel = piece % pixel_pieces_ * pixels_per_piece_,
                       last_pixel = std::min(layout_.pixels, first_pixel + pixels_per_piece_);
    for (std::int64_t image = first_image; image < last_image; image += images_per_unit_)
      for (std::int64_t pixel = first_pixel; pixel < last_pixel; pixel += pixels_per_unit_) {
        const std::int64_t images = std::min(images_per_unit_, last_image - image),
                           pixels = std::min(pixels_per_unit_, last_pixel - pixel);
        const std::int64_t plane = image * layout_.blocks + block;
        body(layout_.x_offset(plane, pixel), layout_.offset(plane, pixel), runs_of(images, pixels),
             images * pixels);
      }
  }

 private:
  [[nodiscard]] Runs runs_of(std::int64_t images, std::int64_t pixels) const {
    return {images,
            (layout_.blocks + layout_.other_blocks) * layout_.plane_elements(),
            layout_.blocks * layout_.plane_elements(),
            pixels * layout_.lanes,
            period_,
            layout_.other_lanes};
  }
  [[nodiscard]] std::int64_t images_in(std::int64_t pixels, std::int64_t elements) const {
    return pixels < layout_.pixels ? 1 : std::max<std::int64_t>(1, elements / layout_.plane_elements());
  }

  ChannelLayout layout_;
  std::int64_t period_, pixels_per_unit_, images_per_unit_, pixels_per_piece_, images_per_piece_,
      image_pieces_, pixel_pieces_;
};

// sums[lane] = sum of the positions that belong to the lane.
XR_MULTIVERSION void fold(const float* positions, std::int64_t lanes, std::int64_t period, double* sums) {
  for (std::int64_t lane = 0; lane < lanes; ++lane) sums[lane] = positions[lane];
  for (std::int64_t first = lanes; first < period; first += lanes)
    for (std::int64_t lane = 0; lane < lanes; ++lane) sums[lane] += positions[first + lane];
}

// Running moments of the channels of a block: counts are equal for all lanes.
struct Moments {
  double count = 0;
  double *mean, *squares;

  // Adds a set whose residuals from `centre` and their squares have these sums, and moves `centre` to the
  // set's mean.
  void add(double more, float* centre, const double* residuals, const double* square_sums,
           std::int64_t lanes) {
    const double share = more / (count + more), weight = count * share;
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      const double shift = residuals[lane] / more, set_mean = centre[lane] + shift;
      const double delta = set_mean - mean[lane];
      mean[lane] += delta * share;
      squares[lane] += square_sums[lane] - residuals[lane] * shift + delta * delta * weight;
      centre[lane] = static_cast<float>(set_mean);
    }
    count += more;
  }
};

// What a piece needs besides its results.
struct Scratch {
  std::vector<float> floats;
  std::vector<double> doubles;
  std::int64_t period, lanes;

  Scratch(const Partition& partition, std::int64_t lanes_in)
      : floats(static_cast<std::size_t>(partition.tasks() * 3 * partition.period())),
        doubles(static_cast<std::size_t>(partition.tasks() * 2 * lanes_in)),
        period(partition.period()),
        lanes(lanes_in) {}
  [[nodiscard]] float* positions(std::int64_t task, std::int64_t which) {
    return floats.data() + (task * 3 + which) * period;
  }
  [[nodiscard]] double* sums(std::int64_t task, std::int64_t which) {
    return doubles.data() + (task * 2 + which) * lanes;
  }
};

template <class T>
void piece_moments(const Partition& partition, const T* x, std::int64_t block, std::int64_t piece,
                   std::int64_t task, Scratch& scratch, Moments moments) {
  const std::int64_t lanes = scratch.lanes, period = scratch.period;
  float *centre = scratch.positions(task, 0), *residuals = scratch.positions(task, 1),
        *squares = scratch.positions(task, 2);
  double *residual_sums = scratch.sums(task, 0), *square_sums = scratch.sums(task, 1);
  partition.for_each_unit(block, piece,
                          [&](std::int64_t offset, std::int64_t, const Runs& runs, std::int64_t values) {
                            const auto more = static_cast<double>(values);
                            if (moments.count == 0) {
                              position_sums(runs, x + offset, residuals);
                              fold(residuals, lanes, period, residual_sums);
                              for (std::int64_t lane = 0; lane < lanes; ++lane)
                                centre[lane] = static_cast<float>(residual_sums[lane] / more);
                            }
                            for (std::int64_t j = lanes; j < period; ++j) centre[j] = centre[j - lanes];
                            position_moments(runs, x + offset, centre, residuals, squares);
                            fold(residuals, lanes, period, residual_sums);
                            fold(squares, lanes, period, square_sums);
                            moments.add(more, centre, residual_sums, square_sums, lanes);
                          });
}

// Count, mean and sum of squared deviations of two sets together.
void combine(double count, double& mean, double& squares, double more, double more_mean,
             double more_squares) {
  const double delta = more_mean - mean, total = count + more;
  mean += delta * (more / total);
  squares += more_squares + delta * delta * (count * more / total);
}

template <class T>
ChannelMoments moments_of(const ChannelLayout& layout, const T* x) {
  const Partition partition(layout);
  Scratch scratch(partition, layout.lanes);
  std::vector<double> means(static_cast<std::size_t>(partition.tasks() * layout.lanes)),
      squares(means.size()), counts(static_cast<std::size_t>(partition.pieces_per_block()));
  partition.for_each_piece([&](std::int64_t block, std::int64_t piece, std::int64_t task) {
    const std::int64_t slot = piece * layout.channels() + block * layout.lanes;
    piece_moments(partition, x, block, piece, task, scratch, {0, means.data() + slot, squares.data() + slot});
  });
  for (std::int64_t piece = 0; piece < partition.pieces_per_block(); ++piece)
    partition.for_each_unit(0, piece, [&](std::int64_t, std::int64_t, const Runs&, std::int64_t values) {
      counts[static_cast<std::size_t>(piece)] += static_cast<double>(values);
    });
  ChannelMoments result{std::vector<double>(static_cast<std::size_t>(layout.channels())), {}};
  result.variance = result.mean;
  for (std::size_t c = 0; c < result.mean.size(); ++c) {
    double count = 0;
    for (std::size_t piece = 0; piece < counts.size(); ++piece) {
      const std::size_t slot = piece * result.mean.size() + c;
      combine(count, result.mean[c], result.variance[c], counts[piece], means[slot], squares[slot]);
      count += counts[piece];
    }
    // Rounding may leave a constant channel just below 0; NaN stays.
    result.variance[c] = result.variance[c] < 0 ? 0 : result.variance[c] / count;
  }
  return result;
}

template <class T>
ChannelGradientSums gradient_sums_of(const ChannelLayout& layout, GradientMask mask, const T* x, const T* dy,
                                     const ChannelParameters& parameters) {
  const Partition partition(layout);
  const std::int64_t lanes = layout.lanes, period = partition.period(), tasks = partition.tasks();
  ChannelGradientSums result{std::vector<double>(static_cast<std::size_t>(layout.channels())), {}};
  result.dy_x = result.dy;
  Scratch scratch(partition, lanes);
  std::vector<double> partial(static_cast<std::size_t>(tasks * 2 * lanes));
  const PositionParameters positions(layout, parameters);
  partition.for_each_piece([&](std::int64_t block, std::int64_t piece, std::int64_t task) {
    float *sum_dy = scratch.positions(task, 0), *sum_dy_x = scratch.positions(task, 1);
    double *unit_dy = scratch.sums(task, 0), *unit_dy_x = scratch.sums(task, 1);
    double* sums = partial.data() + (piece * layout.channels() + block * lanes) * 2;
    const Normalisation n = positions.of_block(block);
    partition.for_each_unit(
        block, piece, [&](std::int64_t x_offset, std::int64_t offset, const Runs& runs, std::int64_t) {
          position_gradient_sums(runs, mask, x + x_offset, dy + offset, n, sum_dy, sum_dy_x);
          fold(sum_dy, lanes, period, unit_dy);
          fold(sum_dy_x, lanes, period, unit_dy_x);
          for (std::int64_t lane = 0; lane < lanes; ++lane) {
            sums[2 * lane] += unit_dy[lane];
            sums[2 * lane + 1] += unit_dy_x[lane];
          }
        });
  });
  for (std::size_t slot = 0; slot < partial.size() / 2; ++slot) {
    result.dy[slot % result.dy.size()] += partial[2 * slot];
    result.dy_x[slot % result.dy.size()] += partial[2 * slot + 1];
  }
  return result;
}

}  // namespace

ChannelMoments channel_moments(const ChannelLayout& layout, const float* x) {
  return moments_of(layout, x);
}
ChannelMoments channel_moments(const ChannelLayout& layout, const Bf16* x) {
  return moments_of(layout, x);
}

ChannelGradientSums channel_gradient_sums(const ChannelLayout& layout, GradientMask mask, const float* x,
                                          const float* dy, const ChannelParameters& parameters) {
  return gradient_sums_of(layout, mask, x, dy, parameters);
}
ChannelGradientSums channel_gradient_sums(const ChannelLayout& layout, GradientMask mask, const Bf16* x,
                                          const Bf16* dy, const ChannelParameters& parameters) {
  return gradient_sums_of(layout, mask, x, dy, parameters);
}

ChannelParameters::ChannelParameters(std::int64_t channels, const float* gamma, const float* beta_in,
                                     const float* mean_in, const float* inverse_std)
    : mean(mean_in, mean_in + channels), scale(mean.size()), beta(mean.size()) {
  for (std::size_t c = 0; c < scale.size(); ++c) {
    scale[c] = gamma[c] * inverse_std[c];
    if (beta_in != nullptr) beta[c] = beta_in[c];
  }
}

void finish_statistics(const BatchNormParams& params, const ChannelMoments& moments, std::int64_t per_channel,
                       const View& running_mean, const View& running_var, const View& mean,
                       const View& inverse_std) {
  const double unbiased = static_cast<double>(per_channel) / static_cast<double>(per_channel - 1);
  const auto move = [&](const View& running, std::size_t c, double value) {
    if (!running.defined()) return;
    float& old = running.as<float>()[c];
    old = static_cast<float>((1.0 - static_cast<double>(params.momentum)) * static_cast<double>(old) +
                             static_cast<double>(params.momentum) * value);
  };
  for (std::size_t c = 0; c < moments.mean.size(); ++c) {
    mean.as<float>()[c] = static_cast<float>(moments.mean[c]);
    inverse_std.as<float>()[c] =
        static_cast<float>(1.0 / std::sqrt(moments.variance[c] + static_cast<double>(params.epsilon)));
    move(running_mean, c, moments.mean[c]);
    move(running_var, c, moments.variance[c] * unbiased);
  }
}

std::vector<float> inverse_deviation(float epsilon, const float* variance, std::int64_t channels) {
  std::vector<float> result(variance, variance + channels);
  for (float& value : result)
    value = static_cast<float>(1.0 / std::sqrt(static_cast<double>(value) + static_cast<double>(epsilon)));
  return result;
}

void write_channels(const std::vector<double>& values, const View& destination, GradientWrite write) {
  if (!destination.defined()) return;
  float* out = destination.as<float>();
  for (std::size_t c = 0; c < values.size(); ++c) {
    const auto value = static_cast<float>(values[c]);
    out[c] = write == GradientWrite::accumulate ? out[c] + value : value;
  }
}

PositionParameters::PositionParameters(const ChannelLayout& layout, const ChannelParameters& channels)
    : period_(position_period(layout)),
      mean_(static_cast<std::size_t>(layout.blocks * period_)),
      scale_(mean_.size()),
      beta_(mean_.size()) {
  expand_to_positions(layout, channels.mean.data(), mean_.data());
  expand_to_positions(layout, channels.scale.data(), scale_.data());
  expand_to_positions(layout, channels.beta.data(), beta_.data());
}

}  // namespace xr::kernels::cpu
