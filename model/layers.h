// The layers that networks are made of, with PyTorch's parameters, defaults and initial distributions.
#pragma once

#include <cstdint>

#include "engine/ops/batch_norm2d.h"
#include "engine/ops/conv2d.h"
#include "model/module.h"

namespace xr::model {

/// Hands out initial weights: layer after layer takes the next random stream of the seed.
struct Initializer {
  std::uint64_t seed = 0;
  engine::Device device;
  std::uint64_t next_stream = 0;

  /// Uniform in +-1 / sqrt(fan_in): PyTorch's default for weights (kaiming_uniform with a = sqrt 5) and
  /// biases.
  [[nodiscard]] Tensor uniform(const engine::Shape& shape, std::int64_t fan_in);
  /// Normal with standard deviation sqrt(2 / fan_out): He et al. 2015, as torchvision's residual networks.
  [[nodiscard]] Tensor kaiming_normal(const engine::Shape& shape, std::int64_t fan_out);
};

struct Conv2dOptions {
  std::int64_t kernel = 3, stride = 1, padding = 0;
  bool bias = true;
  bool kaiming_normal = false;  ///< false: PyTorch's default for Conv2d
};

/// weight (out, in, k, k), bias (out)
class Conv2d final : public Module {
 public:
  Conv2d(Initializer& initializer, std::int64_t in, std::int64_t out, const Conv2dOptions& options);
  [[nodiscard]] Tensor forward(const Tensor& x) override;

 private:
  Tensor weight_, bias_;
  kernels::Conv2dParams params_;
};

/// weight, bias, running_mean, running_var (C) and num_batches_tracked
class BatchNorm2d final : public Module {
 public:
  BatchNorm2d(const engine::Device& device, std::int64_t channels);
  [[nodiscard]] Tensor forward(const Tensor& x) override;
  /// relu(batch norm(x)), then 2x2 max pooling if `pool`, in one operation where the backend has it.
  [[nodiscard]] Tensor forward_relu(const Tensor& x, bool pool);

 private:
  void count_batch();
  void on_replay() override { count_batch(); }
  engine::BatchNorm2dState state_;
  Tensor num_batches_tracked_;  // i64 on the host: nothing on the device needs it
};

/// weight (out, in), bias (out)
class Linear final : public Module {
 public:
  Linear(Initializer& initializer, std::int64_t in, std::int64_t out);
  [[nodiscard]] Tensor forward(const Tensor& x) override;

 private:
  Tensor weight_, bias_;
};

/// Active while training only. The mask depends on (seed, layer, step).
class Dropout final : public Module {
 public:
  Dropout(Initializer& initializer, float probability);
  [[nodiscard]] Tensor forward(const Tensor& x) override;

 private:
  float probability_;
  std::uint64_t seed_, layer_;
};

}  // namespace xr::model
