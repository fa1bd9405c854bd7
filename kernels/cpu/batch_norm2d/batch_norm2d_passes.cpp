#include "kernels/cpu/batch_norm2d/batch_norm2d_passes.h"

#include "kernels/common/checks.h"
#include "kernels/common/stream.h"

namespace xr::kernels::cpu {

namespace {

template <class T>
void normalise_pass(const ChannelLayout& layout, const ChannelParameters& parameters, Rectifier rectifier,
                    const T* x, const View& y) {
  const PositionParameters positions(layout, parameters);
  const bool stream = worth_streaming(static_cast<std::int64_t>(y.bytes()));
  T* out = y.as<T>();
  for_each_span(layout, elementwise_grain, [&](std::int64_t plane, std::int64_t begin, std::int64_t end) {
    const Normalisation n = positions.of_block(plane % layout.blocks);
    write_pieces(stream, out + layout.offset(plane, begin), (end - begin) * layout.lanes, positions.period(),
                 [&](T* to, std::int64_t first, std::int64_t count) {
                   const T* from = x + layout.x_offset(plane, begin + first / layout.lanes);
                   normalise(n, rectifier, positions.period(), layout.other_lanes, from, to, count);
                 });
  });
}

}  // namespace

void forward_training(const BatchNormParams& params, Rectifier rectifier, const ConstView& x,
                      const ConstView& gamma, const ConstView& beta, const View& running_mean,
                      const View& running_var, const View& y, const View& mean, const View& inverse_std) {
  const ChannelLayout layout = leading_channel_layout(x.shape, y.shape[1], x.layout);
  with_activation_type("batch_norm2d", x.dtype, [&](auto type) {
    using T = decltype(type);
    finish_statistics(params, channel_moments(layout, x.as<T>()), layout.per_channel(), running_mean,
                      running_var, mean, inverse_std);
    const ChannelParameters parameters(layout.channels(), gamma.as<float>(), beta.as<float>(),
                                       mean.as<float>(), inverse_std.as<float>());
    normalise_pass(layout, parameters, rectifier, x.as<T>(), y);
  });
}

void forward_inference(const BatchNormParams& params, Rectifier rectifier, const ConstView& x,
                       const ConstView& gamma, const ConstView& beta, const ConstView& running_mean,
                       const ConstView& running_var, const View& y) {
  if (x.numel() == 0) return;
  const ChannelLayout layout = leading_channel_layout(x.shape, y.shape[1], x.layout);
  const std::vector<float> inverse_std =
      inverse_deviation(params.epsilon, running_var.as<float>(), layout.channels());
  const ChannelParameters parameters(layout.channels(), gamma.as<float>(), beta.as<float>(),
                                     running_mean.as<float>(), inverse_std.data());
  with_activation_type("batch_norm2d", x.dtype, [&](auto type) {
    normalise_pass(layout, parameters, rectifier, x.as<decltype(type)>(), y);
  });
}

void backward_training(GradientMask mask, const ConstView& x, const ConstView& dy, const ConstView& gamma,
                       const ConstView& beta, const ConstView& mean, const ConstView& inverse_std,
                       const View& dx, GradientWrite write_dx, const View& d_gamma,
                       GradientWrite write_d_gamma, const View& d_beta, GradientWrite write_d_beta) {
  const ChannelLayout layout = leading_channel_layout(x.shape, dy.shape[1], x.layout);
  const float* deviation = inverse_std.as<float>();
  const ChannelParameters parameters(layout.channels(), gamma.as<float>(),
                                     beta.defined() ? beta.as<float>() : nullptr, mean.as<float>(),
                                     deviation);
  with_activation_type("batch_norm2d", x.dtype, [&](auto type) {
    using T = decltype(type);
    ChannelGradientSums sums = channel_gradient_sums(layout, mask, x.as<T>(), dy.as<T>(), parameters);
    for (std::size_t c = 0; c < sums.dy_x.size(); ++c) sums.dy_x[c] *= static_cast<double>(deviation[c]);
    write_channels(sums.dy_x, d_gamma, write_d_gamma);
    write_channels(sums.dy, d_beta, write_d_beta);
    if (!dx.defined()) return;
    const auto count = static_cast<double>(layout.per_channel());
    for (std::size_t c = 0; c < sums.dy.size(); ++c) {
      sums.dy[c] /= count;
      sums.dy_x[c] *= static_cast<double>(deviation[c]) / count;
    }
    input_gradient_pass(layout, mask, parameters, sums.dy, sums.dy_x, x.as<T>(), dy.as<T>(), dx, write_dx);
  });
}

template <class T>
void input_gradient_pass(const ChannelLayout& layout, GradientMask mask, const ChannelParameters& parameters,
                         const std::vector<double>& mean_dy, const std::vector<double>& slope, const T* x,
                         const T* dy, const View& dx, GradientWrite write) {
  const PositionParameters positions(layout, parameters);
  const std::int64_t period = positions.period();
  std::vector<float> means(static_cast<std::size_t>(layout.blocks * period)), slopes(means.size());
  expand_to_positions(layout, mean_dy.data(), means.data());
  expand_to_positions(layout, slope.data(), slopes.data());
  const bool stream = layout.other_lanes == 0 && worth_streaming(static_cast<std::int64_t>(sizeof(T)) *
                                                                 layout.planes() * layout.plane_elements());
  T* out = dx.as<T>();
  for_each_span(layout, elementwise_grain, [&](std::int64_t plane, std::int64_t begin, std::int64_t end) {
    const std::int64_t block = plane % layout.blocks;
    const InputGradient g{positions.of_block(block), means.data() + block * period,
                          slopes.data() + block * period};
    const std::int64_t x_offset = layout.x_offset(plane, begin), gap = layout.other_lanes;
    const T* gradients = dy + layout.offset(plane, begin);
    const std::int64_t total = (end - begin) * layout.lanes;
    if (write == GradientWrite::accumulate)
      add_input_gradient(g, mask, period, gap, x + x_offset, gradients, out + x_offset, total);
    else  // with a gap in one piece, which begins at 0
      write_pieces(stream, out + x_offset, total, period, [&](T* to, std::int64_t first, std::int64_t count) {
        input_gradient(g, mask, period, gap, x + x_offset + first, gradients + first, to, count);
      });
  });
}

template void input_gradient_pass(const ChannelLayout&, GradientMask, const ChannelParameters&,
                                  const std::vector<double>&, const std::vector<double>&, const float*,
                                  const float*, const View&, GradientWrite);
template void input_gradient_pass(const ChannelLayout&, GradientMask, const ChannelParameters&,
                                  const std::vector<double>&, const std::vector<double>&, const Bf16*,
                                  const Bf16*, const View&, GradientWrite);

}  // namespace xr::kernels::cpu
