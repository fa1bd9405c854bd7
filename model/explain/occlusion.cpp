#include "model/explain/occlusion.h"

#include <algorithm>
#include <cmath>

#include "engine/core/autograd.h"

namespace xr::model::explain {

namespace {

/// log p - log(1 - p) of a class, from logits: its logit less the log of the sum of exp of the others.
double log_odds(std::span<const float> logits, std::size_t class_index) {
  double largest = -INFINITY, sum = 0.0;
  for (std::size_t c = 0; c < logits.size(); ++c)
    if (c != class_index) largest = std::max(largest, static_cast<double>(logits[c]));
  for (std::size_t c = 0; c < logits.size(); ++c)
    if (c != class_index) sum += std::exp(logits[c] - largest);
  return logits[class_index] - largest - std::log(sum);
}

struct Square {
  int top, left;
};

class Occluder {
 public:
  Occluder(std::span<const float> image, std::int64_t channels, int size, int window)
      : image_(image), channels_(channels), size_(size), window_(window) {
    const std::size_t area = static_cast<std::size_t>(size) * size;
    for (std::int64_t c = 0; c < channels; ++c) {
      double sum = 0.0;
      for (const float value : image.subspan(c * area, area)) sum += value;
      means_.push_back(static_cast<float>(sum / static_cast<double>(area)));
    }
  }

  void append(const Square& square, std::vector<float>& batch) const {
    const std::size_t start = batch.size();
    batch.insert(batch.end(), image_.begin(), image_.end());
    for (std::int64_t c = 0; c < channels_; ++c)
      for (int y = square.top; y < square.top + window_; ++y)
        std::fill_n(
            batch.begin() + static_cast<std::ptrdiff_t>(start + (c * size_ + y) * size_ + square.left),
            window_, means_[static_cast<std::size_t>(c)]);
  }

 private:
  std::span<const float> image_;
  std::int64_t channels_;
  int size_, window_;
  std::vector<float> means_;
};

/// Squares from edge to edge, the last one moved back to end with the image.
std::vector<Square> squares(int size, int window, int stride) {
  std::vector<int> starts;
  for (int start = 0; start < size - window; start += stride) starts.push_back(start);
  starts.push_back(size - window);
  std::vector<Square> result;
  for (const int top : starts)
    for (const int left : starts) result.push_back({top, left});
  return result;
}

}  // namespace

Map occlusion_map(model::Module& network, std::span<const float> image, std::int64_t channels, int size,
                  std::int64_t class_index, const engine::Device& device, const OcclusionSettings& settings) {
  const std::size_t elements = static_cast<std::size_t>(channels) * size * size;
  XR_CHECK(image.size() == elements && size > 0, "{} values are no image of {} x {} x {}", image.size(),
           channels, size, size);
  const int window = std::clamp(settings.window > 0 ? settings.window : size / 6, 1, size);
  const int stride = settings.stride > 0 ? std::min(settings.stride, window) : std::max(1, window / 2);
  network.set_training(false);
  const engine::NoGradGuard no_grad;
  const auto class_of = static_cast<std::size_t>(class_index);
  const auto odds_of = [&](const std::vector<float>& batch) {
    const auto count = static_cast<std::int64_t>(batch.size() / elements);
    const engine::Tensor logits = network(
        engine::Tensor::from_host(std::span<const float>(batch), {count, channels, size, size}, device));
    XR_CHECK(class_index >= 0 && class_index < logits.dim(1), "class {} of a network with {}", class_index,
             logits.dim(1));
    const std::vector<float> values = logits.to_host();
    const std::size_t classes = values.size() / static_cast<std::size_t>(count);
    std::vector<double> odds;
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i)
      odds.push_back(settings.labels ? static_cast<double>(values[i * classes + class_of])
                                     : log_odds(std::span(values).subspan(i * classes, classes), class_of));
    return odds;
  };

  const double whole = odds_of({image.begin(), image.end()}).front();
  const Occluder occluder(image, channels, size, window);
  const std::vector<Square> all = squares(size, window, stride);
  std::vector<double> sum(static_cast<std::size_t>(size) * size, 0.0), covered(sum.size(), 0.0);
  const auto step = static_cast<std::size_t>(std::max<std::int64_t>(1, settings.batch_size));
  for (std::size_t start = 0; start < all.size(); start += step) {
    const std::span part = std::span(all).subspan(start, std::min(step, all.size() - start));
    std::vector<float> batch;
    batch.reserve(part.size() * elements);
    for (const Square& square : part) occluder.append(square, batch);
    const std::vector<double> odds = odds_of(batch);
    for (std::size_t i = 0; i < part.size(); ++i) {
      for (int y = part[i].top; y < part[i].top + window; ++y) {
        for (int x = part[i].left; x < part[i].left + window; ++x) {
          sum[static_cast<std::size_t>(y) * size + x] += whole - odds[i];
          covered[static_cast<std::size_t>(y) * size + x] += 1.0;
        }
      }
    }
  }
  Map map{size, size, {}};
  for (std::size_t i = 0; i < sum.size(); ++i)
    map.values.push_back(covered[i] > 0.0 ? static_cast<float>(sum[i] / covered[i]) : 0.0f);
  return map;
}

}  // namespace xr::model::explain
