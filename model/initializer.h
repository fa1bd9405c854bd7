// Initial weights.
#pragma once

#include <cstdint>

#include "engine/core/tensor.h"

namespace xr::model {

/// Hands out initial weights: layer after layer takes the next random stream of the seed.
struct Initializer {
  std::uint64_t seed = 0;
  engine::Device device = {};
  std::uint64_t next_stream = 0;
  bool shapes_only = false;  ///< hands out undefined tensors: modules then know their shapes and cannot run

  /// Uniform in +-1 / sqrt(fan_in): PyTorch's default for weights (kaiming_uniform with a = sqrt 5) and
  /// biases.
  [[nodiscard]] engine::Tensor uniform(const engine::Shape& shape, std::int64_t fan_in);
  /// Normal with standard deviation sqrt(2 / fan): He et al. 2015. torchvision's residual networks take fan_out,
  /// its DenseNets fan_in.
  [[nodiscard]] engine::Tensor kaiming_normal(const engine::Shape& shape, std::int64_t fan);
  /// Takes no random stream.
  [[nodiscard]] engine::Tensor constant(const engine::Shape& shape, float value) const;
};

}  // namespace xr::model
