#pragma once

#include "kernels/common/checks.h"
#include "kernels/ops/call.h"

namespace xr::kernels {

// PyTorch's binary_cross_entropy_with_logits of labels that are independent of each other, where some may be
// unknown. targets f32 (N, labels): 0, 1 or between, NaN where unknown; pos_weight f32 (labels) or undefined
// (all 1): the factor of a label's positive part.
//
// The mean is taken over the known targets of the whole batch: the sum of their losses divided by how many they
// are, `known`, whatever their weights. An unknown target counts in neither, and its logit gets the gradient 0.
// Without any known target the loss and the gradient are 0.

/// loss: rank 0; known: rank 0, f32, kept for backward.
struct BinaryCrossEntropyWithLogitsForward {
  static constexpr const char* name = "binary_cross_entropy_with_logits_forward";
  ConstView logits, targets, pos_weight = {};
  View loss, known;

  void validate() const {
    require_rows(name, "logits", logits);
    require_same_form(name, "logits", logits, "targets", targets);
    require_dtype(name, "targets", targets, DType::f32);
    if (pos_weight.defined()) require_vector(name, "pos_weight", pos_weight, logits.shape[1]);
    require_vector(name, "loss", loss, 1);
    require_vector(name, "known", known, 1);
  }
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(logits, targets, pos_weight, loss, known); }
  [[nodiscard]] std::int64_t flops() const { return 10 * logits.numel(); }
};

/// d_loss: rank 0.
struct BinaryCrossEntropyWithLogitsBackward {
  static constexpr const char* name = "binary_cross_entropy_with_logits_backward";
  ConstView logits, targets, pos_weight = {}, known, d_loss;
  View d_logits;
  GradientWrite write = GradientWrite::overwrite;

  void validate() const {
    require_rows(name, "logits", logits);
    require_same_form(name, "logits", logits, "targets", targets);
    require_dtype(name, "targets", targets, DType::f32);
    if (pos_weight.defined()) require_vector(name, "pos_weight", pos_weight, logits.shape[1]);
    require_vector(name, "known", known, 1);
    require_vector(name, "d_loss", d_loss, 1);
    require_same_kind(name, "logits", logits, "d_logits", d_logits);
  }
  [[nodiscard]] std::int64_t bytes() const {
    return bytes_of(logits, targets, pos_weight, known, d_loss) + passes(write) * bytes_of(d_logits);
  }
  [[nodiscard]] std::int64_t flops() const { return 10 * logits.numel(); }
};

}  // namespace xr::kernels
