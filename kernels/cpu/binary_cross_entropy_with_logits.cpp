// PyTorch's binary_cross_entropy_with_logits, mean over the known targets of a batch.
//
// With a logit x, its target z, softplus(x) = max(x, 0) + log1p(exp(-|x|)), which never overflows, and the
// label's weight p:
//   loss = (1 - z) softplus(x) + p z softplus(-x)        d loss / d x = (1 - z) s(x) - p z s(-x), s = sigmoid
// For p = 1 that is max(x, 0) - x z + log1p(exp(-|x|)). The elements are few (a batch), so their terms are
// added by one thread, in order and in double.
#include <cmath>

#include "kernels/common/bf16.h"
#include "kernels/common/checks.h"
#include "kernels/cpu/cpu_backend.h"

namespace xr::kernels::cpu {

namespace {

/// A factor of 0 rules a term out, also one that is infinite.
double term(double factor, double value) {
  return factor == 0.0 ? 0.0 : factor * value;
}

double softplus(double x) {
  return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
}

double sigmoid(double x) {
  const double e = std::exp(-std::abs(x));
  return (x >= 0.0 ? 1.0 : e) / (1.0 + e);
}

template <class T>
void forward(const BinaryCrossEntropyWithLogitsForward& call) {
  const std::int64_t count = call.logits.numel(), labels = call.logits.shape[1];
  const T* logits = call.logits.as<T>();
  const float *targets = call.targets.as<float>(), *weights = call.pos_weight.as<float>();
  double sum = 0;
  std::int64_t known = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const double x = to_float(logits[i]), z = targets[i];
    if (std::isnan(z)) continue;
    XR_CHECK(z >= 0.0 && z <= 1.0,
             "{}: the target of row {}, label {} is {}: it must lie in [0, 1], or be NaN where it is unknown",
             call.name, i / labels, i % labels, z);
    const double weight = weights != nullptr ? weights[i % labels] : 1.0;
    sum += term(1.0 - z, softplus(x)) + term(weight * z, softplus(-x));
    ++known;
  }
  *call.loss.as<float>() = known == 0 ? 0.0f : static_cast<float>(sum / static_cast<double>(known));
  *call.known.as<float>() = static_cast<float>(known);
}

template <class T>
void backward(const BinaryCrossEntropyWithLogitsBackward& call) {
  const std::int64_t count = call.logits.numel(), labels = call.logits.shape[1];
  const T* logits = call.logits.as<T>();
  const float *targets = call.targets.as<float>(), *weights = call.pos_weight.as<float>();
  const double known = *call.known.as<float>(), scale = known > 0 ? *call.d_loss.as<float>() / known : 0.0;
  T* result = call.d_logits.as<T>();
  for (std::int64_t i = 0; i < count; ++i) {
    const double x = to_float(logits[i]), z = targets[i],
                 weight = weights != nullptr ? weights[i % labels] : 1.0;
    const auto value =
        std::isnan(z)
            ? 0.0f
            : static_cast<float>(scale * (term(1.0 - z, sigmoid(x)) - term(weight * z, sigmoid(-x))));
    result[i] = from_float<T>(call.write == GradientWrite::accumulate ? to_float(result[i]) + value : value);
  }
}

}  // namespace

void CpuBackend::compute(const BinaryCrossEntropyWithLogitsForward& call) {
  with_activation_type(call.name, call.logits.dtype, [&](auto type) { forward<decltype(type)>(call); });
}

void CpuBackend::compute(const BinaryCrossEntropyWithLogitsBackward& call) {
  with_activation_type(call.name, call.logits.dtype, [&](auto type) { backward<decltype(type)>(call); });
}

}  // namespace xr::kernels::cpu
