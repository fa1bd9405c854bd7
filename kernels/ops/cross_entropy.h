#pragma once

#include "kernels/ops/call.h"

namespace xr::kernels {

struct CrossEntropyParams {
  float label_smoothing = 0.0f;
};

/// loss (rank 0): PyTorch's cross_entropy, mean reduction. labels i64 (N) in [0, classes); class_weights
/// (classes) or undefined. log_probabilities (N, classes) is kept for backward.
struct CrossEntropyForward {
  static constexpr const char* name = "cross_entropy_forward";
  ConstView logits, labels, class_weights = {};
  View loss, log_probabilities;
  CrossEntropyParams params = {};

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const {
    return bytes_of(logits, labels, class_weights, loss, log_probabilities);
  }
  [[nodiscard]] std::int64_t flops() const { return 8 * logits.numel(); }
};

/// d_loss: rank 0.
struct CrossEntropyBackward {
  static constexpr const char* name = "cross_entropy_backward";
  ConstView log_probabilities, labels, class_weights = {}, d_loss;
  View d_logits;
  CrossEntropyParams params = {};
  GradientWrite write = GradientWrite::overwrite;

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const {
    return bytes_of(log_probabilities, labels, class_weights, d_loss) + passes(write) * bytes_of(d_logits);
  }
  [[nodiscard]] std::int64_t flops() const { return 8 * d_logits.numel(); }
};

}  // namespace xr::kernels
