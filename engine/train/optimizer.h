// Stochastic gradient descent, Adam and AdamW over a parameter arena, with PyTorch's update rules.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/train/parameter.h"
#include "kernels/backend.h"

namespace xr::engine {

class Optimizer {
 public:
  explicit Optimizer(ParameterArena& arena);
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;
  virtual ~Optimizer() = default;

  /// Updates all parameters in one launch, or one for each run of parameters with one learning rate. Throws Error if a parameter has no gradient.
  void step();
  void zero_grad() { arena_.zero_grad(); }

  virtual void set_learning_rate(float learning_rate) = 0;
  /// From now on the learning rate of a parameter is the optimizer's times factor_of(its name).
  void set_learning_rate_factors(const std::function<float(const std::string& name)>& factor_of);
  /// Moments, flat and in the arena's order: with steps_done all that resuming needs.
  [[nodiscard]] virtual std::vector<NamedTensor> state() = 0;
  [[nodiscard]] std::int64_t steps_done() const { return steps_done_; }
  void set_steps_done(std::int64_t steps) { steps_done_ = steps; }

 protected:
  /// Neighbouring parameters of one learning rate.
  struct Run {
    std::int64_t begin = 0, count = 0;  ///< of the arena, gaps included
    float factor = 1;

    /// The run's part of a flat tensor.
    [[nodiscard]] kernels::View of(Tensor& flat) const;
  };
  /// Updates a run with this learning rate's factor.
  virtual void update(std::int64_t step, const Run& run) = 0;
  ParameterArena& arena_;

 private:
  std::int64_t steps_done_ = 0;
  std::vector<Run> runs_;
};

/// PyTorch's SGD: g += weight_decay p; v = momentum v + (1 - dampening) g (v = g at first); p -= lr (nesterov
/// ? g + momentum v : v). Sutskever et al. 2013.
class Sgd final : public Optimizer {
 public:
  Sgd(ParameterArena& arena, const kernels::SgdParams& params);
  void set_learning_rate(float learning_rate) override { params_.learning_rate = learning_rate; }
  [[nodiscard]] std::vector<NamedTensor> state() override;

 private:
  void update(std::int64_t step, const Run& run) override;
  kernels::SgdParams params_;
  Tensor momentum_;  // undefined without momentum
};

/// Adam (Kingma and Ba, 2015) and, with decoupled_weight_decay, AdamW (Loshchilov and Hutter, 2019).
class Adam final : public Optimizer {
 public:
  Adam(ParameterArena& arena, const kernels::AdamParams& params);
  void set_learning_rate(float learning_rate) override { params_.learning_rate = learning_rate; }
  [[nodiscard]] std::vector<NamedTensor> state() override;

 private:
  void update(std::int64_t step, const Run& run) override;
  kernels::AdamParams params_;
  Tensor first_moment_, second_moment_;
};

}  // namespace xr::engine
