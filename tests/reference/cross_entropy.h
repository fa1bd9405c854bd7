// PyTorch's cross_entropy with class indices, mean reduction, class weights w and label smoothing s
// (documentation of torch.nn.CrossEntropyLoss; Szegedy et al., "Rethinking the Inception architecture", CVPR
// 2016, for the smoothing): with lp = log_softmax(logits) and k classes
//   loss = sum over n of [(1 - s) w[label] (-lp[n, label]) + s / k sum over c of w[c] (-lp[n, c])]
//          / sum over n of w[label]
#pragma once

#include "kernels/backend.h"
#include "tests/reference/log_softmax.h"

namespace xr::reference {

using kernels::CrossEntropyParams;

/// The factor of -log_probabilities[n, c] in the loss; (N, classes).
inline Tensor cross_entropy_factors(const CrossEntropyParams& params, const Shape& logits,
                                    const std::vector<std::int64_t>& labels, const Tensor* class_weights) {
  const std::int64_t classes = logits[1];
  const auto weight = [&](std::int64_t c) { return class_weights != nullptr ? (*class_weights)[c] : 1.0; };
  const double smoothing = static_cast<double>(params.label_smoothing);
  double divisor = 0;
  for (const std::int64_t label : labels) divisor += weight(label);
  Tensor factors(logits);
  for (std::int64_t n = 0; n < logits[0]; ++n)
    for (std::int64_t c = 0; c < classes; ++c) {
      const bool hit = labels[static_cast<std::size_t>(n)] == c;
      factors[n * classes + c] =
          weight(c) * ((hit ? 1 - smoothing : 0.0) + smoothing / static_cast<double>(classes)) / divisor;
    }
  return factors;
}

/// loss (rank 0). logits (N, classes), labels (N) in [0, classes), class_weights (classes) or null.
inline Tensor cross_entropy_forward(const CrossEntropyParams& params, const Tensor& logits,
                                    const std::vector<std::int64_t>& labels, const Tensor* class_weights) {
  const Tensor log_probabilities = log_softmax_forward(logits);
  const Tensor factors = cross_entropy_factors(params, logits.shape, labels, class_weights);
  Tensor loss{Shape{}};
  for (std::int64_t i = 0; i < logits.size(); ++i) loss[0] -= factors[i] * log_probabilities[i];
  return loss;
}

/// d_logits = -d_loss * (backward of log_softmax applied to the factors).
inline Tensor cross_entropy_backward(const CrossEntropyParams& params, const Tensor& log_probabilities,
                                     const std::vector<std::int64_t>& labels, const Tensor* class_weights,
                                     double d_loss) {
  Tensor d_log_probabilities = cross_entropy_factors(params, log_probabilities.shape, labels, class_weights);
  for (double& value : d_log_probabilities.values) value *= -d_loss;
  return log_softmax_backward(log_probabilities, d_log_probabilities);
}

}  // namespace xr::reference
