// A network for tests of what evaluation and prediction feed a network, and make of its logits.
#pragma once

#include <span>
#include <vector>

#include "model/module.h"

namespace xr::apps::test {

/// A network whose logits follow from the input alone: the sums of two halves. It keeps what it is fed.
class HalfSums final : public model::Module {
 public:
  std::vector<float> seen;
  [[nodiscard]] model::Shape output_shape(const model::Shape& x) const override { return {x[0], 2}; }

 private:
  [[nodiscard]] model::Tensor forward(const model::Tensor& x) override {
    const std::vector<float> values = x.to_host();
    seen.insert(seen.end(), values.begin(), values.end());
    const auto count = static_cast<std::size_t>(x.dim(0)), size = values.size() / count;
    std::vector<float> logits(2 * count);
    for (std::size_t i = 0; i < values.size(); ++i)
      logits[2 * (i / size) + (i % size < size / 2 ? 0 : 1)] += values[i] / 100.0f;
    return model::Tensor::from_host(std::span<const float>(logits), {x.dim(0), 2}, {});
  }
};

}  // namespace xr::apps::test
