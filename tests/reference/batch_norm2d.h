// Batch normalisation over all dimensions but C (dimension 1), as PyTorch's BatchNorm1d and BatchNorm2d.
// Ioffe, Szegedy: "Batch normalization", ICML 2015; the gradient through the statistics is the paper's,
// simplified:
//   dx = gamma inverse_std (dy - mean(dy) - x_hat mean(dy x_hat)),   x_hat = (x - mean) inverse_std
#pragma once

#include "kernels/backend.h"
#include "tests/reference/tensor.h"

namespace xr::reference {

using kernels::BatchNormParams;

/// Channel of element `index` of a tensor (N, C, ...).
inline std::int64_t channel_of(const Shape& shape, std::int64_t index) {
  std::int64_t inner = 1;
  for (std::size_t d = 2; d < shape.rank(); ++d) inner *= shape[d];
  return index / inner % shape[1];
}

/// sum over all but the channel of value(index, channel); (C).
template <class Value>
Tensor sum_per_channel(const Shape& shape, Value&& value) {
  Tensor sum(Shape{shape[1]});
  for (std::int64_t i = 0; i < shape.numel(); ++i) {
    const std::int64_t c = channel_of(shape, i);
    sum[c] += value(i, c);
  }
  return sum;
}

struct BatchStatistics {
  Tensor mean, variance;  ///< (C); the variance is the biased one
  double count = 0;       ///< values per channel
};

inline BatchStatistics batch_statistics(const Tensor& x) {
  BatchStatistics result;
  result.count = static_cast<double>(x.size()) / static_cast<double>(x.shape[1]);
  result.mean = sum_per_channel(x.shape, [&](std::int64_t i, std::int64_t) { return x[i] / result.count; });
  result.variance = sum_per_channel(x.shape, [&](std::int64_t i, std::int64_t c) {
    return (x[i] - result.mean[c]) * (x[i] - result.mean[c]) / result.count;
  });
  return result;
}

/// 1 / sqrt(variance + epsilon)
inline Tensor inverse_standard_deviation(const BatchNormParams& params, const Tensor& variance) {
  Tensor result(variance.shape);
  for (std::int64_t c = 0; c < result.size(); ++c)
    result[c] = 1.0 / std::sqrt(variance[c] + static_cast<double>(params.epsilon));
  return result;
}

/// y = gamma (x - mean) inverse_std + beta: the forward of inference (with the running statistics) and of
/// training (with the batch's).
inline Tensor batch_norm2d_apply(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                                 const Tensor& inverse_std) {
  Tensor y(x.shape);
  for (std::int64_t i = 0; i < x.size(); ++i) {
    const std::int64_t c = channel_of(x.shape, i);
    y[i] = gamma[c] * (x[i] - mean[c]) * inverse_std[c] + beta[c];
  }
  return y;
}

struct BatchNorm2d {
  Tensor y, mean, inverse_std, running_mean, running_var;
};

inline BatchNorm2d batch_norm2d_forward_training(const BatchNormParams& params, const Tensor& x,
                                                 const Tensor& gamma, const Tensor& beta,
                                                 const Tensor& running_mean, const Tensor& running_var) {
  const BatchStatistics batch = batch_statistics(x);
  BatchNorm2d result;
  result.mean = batch.mean;
  result.inverse_std = inverse_standard_deviation(params, batch.variance);
  result.y = batch_norm2d_apply(x, gamma, beta, batch.mean, result.inverse_std);
  result.running_mean = running_mean;
  result.running_var = running_var;
  const double momentum = static_cast<double>(params.momentum);
  for (std::int64_t c = 0; c < gamma.size(); ++c) {
    const double unbiased = batch.variance[c] * batch.count / (batch.count - 1);
    result.running_mean[c] = (1 - momentum) * running_mean[c] + momentum * batch.mean[c];
    result.running_var[c] = (1 - momentum) * running_var[c] + momentum * unbiased;
  }
  return result;
}

inline Tensor batch_norm2d_forward_inference(const BatchNormParams& params, const Tensor& x,
                                             const Tensor& gamma, const Tensor& beta,
                                             const Tensor& running_mean, const Tensor& running_var) {
  return batch_norm2d_apply(x, gamma, beta, running_mean, inverse_standard_deviation(params, running_var));
}

struct BatchNorm2dGradients {
  Tensor dx, d_gamma, d_beta;
};

/// With the statistics as constants (inference).
inline BatchNorm2dGradients batch_norm2d_backward_constant(const Tensor& x, const Tensor& dy,
                                                           const Tensor& gamma, const Tensor& mean,
                                                           const Tensor& inverse_std) {
  BatchNorm2dGradients result;
  result.d_beta = sum_per_channel(x.shape, [&](std::int64_t i, std::int64_t) { return dy[i]; });
  result.d_gamma = sum_per_channel(
      x.shape, [&](std::int64_t i, std::int64_t c) { return dy[i] * (x[i] - mean[c]) * inverse_std[c]; });
  result.dx = Tensor(x.shape);
  for (std::int64_t i = 0; i < x.size(); ++i) {
    const std::int64_t c = channel_of(x.shape, i);
    result.dx[i] = dy[i] * gamma[c] * inverse_std[c];
  }
  return result;
}

/// Through the batch statistics (training); mean and inverse_std are forward's.
inline BatchNorm2dGradients batch_norm2d_backward_training(const Tensor& x, const Tensor& dy,
                                                           const Tensor& gamma, const Tensor& mean,
                                                           const Tensor& inverse_std) {
  BatchNorm2dGradients result = batch_norm2d_backward_constant(x, dy, gamma, mean, inverse_std);
  const double count = static_cast<double>(x.size()) / static_cast<double>(x.shape[1]);
  for (std::int64_t i = 0; i < x.size(); ++i) {
    const std::int64_t c = channel_of(x.shape, i);
    const double x_hat = (x[i] - mean[c]) * inverse_std[c];
    result.dx[i] =
        gamma[c] * inverse_std[c] * (dy[i] - result.d_beta[c] / count - x_hat * result.d_gamma[c] / count);
  }
  return result;
}

inline BatchNorm2dGradients batch_norm2d_backward_inference(const BatchNormParams& params, const Tensor& x,
                                                            const Tensor& dy, const Tensor& gamma,
                                                            const Tensor& running_mean,
                                                            const Tensor& running_var) {
  return batch_norm2d_backward_constant(x, dy, gamma, running_mean,
                                        inverse_standard_deviation(params, running_var));
}

}  // namespace xr::reference
