#include "model/initializer.h"

#include <cmath>
#include <span>
#include <vector>

#include "engine/train/initialize.h"
#include "kernels/common/parallel.h"
#include "kernels/common/random.h"

namespace xr::model {

using engine::Shape;
using engine::Tensor;

Tensor Initializer::uniform(const Shape& shape, std::int64_t fan_in) {
  const std::uint64_t stream = stream_of(RandomPurpose::initial_weights, next_stream++);
  if (shapes_only) return {};
  Tensor tensor = Tensor::empty(shape, {.device = device});
  const float bound = 1.0f / std::sqrt(static_cast<float>(fan_in));
  engine::fill_uniform(tensor, -bound, bound, seed, stream);
  return tensor;
}

Tensor Initializer::kaiming_normal(const Shape& shape, std::int64_t fan) {
  const std::uint64_t stream = stream_of(RandomPurpose::initial_weights, next_stream++);
  if (shapes_only) return {};
  const float deviation = std::sqrt(2.0f / static_cast<float>(fan));
  std::vector<float> values(static_cast<std::size_t>(shape.numel()));
  kernels::parallel_ranges(shape.numel(), 1 << 13, [&](std::int64_t begin, std::int64_t end) {
    Philox random(seed, stream);
    random.skip(static_cast<std::uint64_t>(begin) * Philox::words_per_normal);
    for (std::int64_t i = begin; i < end; ++i)
      values[static_cast<std::size_t>(i)] = deviation * random.normal();
  });
  return Tensor::from_host(std::span<const float>(values), shape, device);
}

Tensor Initializer::constant(const Shape& shape, float value) const {
  return shapes_only ? Tensor{} : Tensor::full(shape, value, {.device = device});
}

}  // namespace xr::model
