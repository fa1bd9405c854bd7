// PyTorch's cross_entropy with mean reduction, on the log-softmax of the logits.
//
// With label y_n, class weights w (1 if absent), smoothing s, C classes and W = sum_n w[y_n]:
//   loss = (1 - s) / W * sum_n -w[y_n] log p_n[y_n]  +  s / (C W) * sum_n sum_c -w[c] log p_n[c]
//   d loss / d z_n[c] = ((1 - s) w[y_n] (p_n[c] - [c = y_n]) + s / C (p_n[c] sum_k w[k] - w[c])) / W
// Both normalised by the weights of the targets, as torch.nn.functional.cross_entropy does (checked against
// it). The rows are few (a batch), so their terms are added by one thread, in order and in double.
#include <cmath>

#include "kernels/common/checks.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/elements.h"
#include "kernels/cpu/rows.h"

namespace xr::kernels::cpu {

namespace {

class Targets {
 public:
  Targets(const char* operation, const ConstView& logits, const ConstView& labels,
          const ConstView& class_weights)
      : rows_(logits.shape[0]), classes_(logits.shape[1]), labels_(labels.as<std::int64_t>()) {
    weights_ = class_weights.as<float>();
    for (std::int64_t row = 0; row < rows_; ++row) {
      XR_CHECK(labels_[row] >= 0 && labels_[row] < classes_,
               "{}: the label of row {} is {}: with {} classes it must lie in [0, {}]", operation, row,
               labels_[row], classes_, classes_ - 1);
      sum_ += weight(labels_[row]);
    }
    for (std::int64_t c = 0; c < classes_; ++c) class_sum_ += weight(c);
  }

  [[nodiscard]] std::int64_t rows() const { return rows_; }
  [[nodiscard]] std::int64_t classes() const { return classes_; }
  [[nodiscard]] std::int64_t label(std::int64_t row) const { return labels_[row]; }
  [[nodiscard]] double weight(std::int64_t c) const { return weights_ ? weights_[c] : 1.0; }
  /// Sum of the weights of the rows' labels: what the mean divides by.
  [[nodiscard]] double sum() const { return sum_; }
  /// Sum of the weights of all classes.
  [[nodiscard]] double class_sum() const { return class_sum_; }

 private:
  std::int64_t rows_, classes_;
  const std::int64_t* labels_;
  const float* weights_ = nullptr;
  double sum_ = 0, class_sum_ = 0;
};

template <class T, class L>
void forward(const CrossEntropyForward& call) {
  const Targets targets(call.name, call.logits, call.labels, call.class_weights);
  const std::int64_t classes = targets.classes();
  const double smoothing = call.params.label_smoothing;
  double likelihood = 0, smooth = 0;
  for (std::int64_t row = 0; row < targets.rows(); ++row) {
    const Floats<T> logits(call.logits.as<T>() + row * classes, classes);
    write_elements(false, call.log_probabilities.as<L>() + row * classes, classes, classes,
                   [&](float* log_p, std::int64_t, std::int64_t) {
                     log_softmax_of_row(logits.data(), classes, log_p);
                     likelihood -= targets.weight(targets.label(row)) * log_p[targets.label(row)];
                     if (smoothing > 0)
                       for (std::int64_t c = 0; c < classes; ++c) smooth -= targets.weight(c) * log_p[c];
                   });
  }
  const double total = (1 - smoothing) * likelihood + smoothing / static_cast<double>(classes) * smooth;
  *call.loss.as<float>() = static_cast<float>(total / targets.sum());
}

template <class L, class T>
void backward(const CrossEntropyBackward& call) {
  const Targets targets(call.name, call.log_probabilities, call.labels, call.class_weights);
  const double gradient = *call.d_loss.as<float>() / targets.sum(), smoothing = call.params.label_smoothing;
  const double share = smoothing / static_cast<double>(targets.classes());
  const L* log_p = call.log_probabilities.as<L>();
  T* result = call.d_logits.as<T>();
  for (std::int64_t row = 0; row < targets.rows(); ++row) {
    const double weight = (1 - smoothing) * targets.weight(targets.label(row));
    for (std::int64_t c = 0; c < targets.classes(); ++c, ++log_p, ++result) {
      const double p = std::exp(static_cast<double>(to_float(*log_p))),
                   hit = c == targets.label(row) ? 1.0 : 0.0;
      const double slope = weight * (p - hit) + share * (p * targets.class_sum() - targets.weight(c));
      const auto value = static_cast<float>(gradient * slope);
      *result = from_float<T>(call.write == GradientWrite::accumulate ? to_float(*result) + value : value);
    }
  }
}

}  // namespace

void CpuBackend::compute(const CrossEntropyForward& call) {
  with_activation_type(call.name, call.logits.dtype, [&](auto type) {
    with_activation_type(call.name, call.log_probabilities.dtype,
                         [&](auto log_type) { forward<decltype(type), decltype(log_type)>(call); });
  });
}

void CpuBackend::compute(const CrossEntropyBackward& call) {
  with_activation_type(call.name, call.log_probabilities.dtype, [&](auto log_type) {
    with_activation_type(call.name, call.d_logits.dtype,
                         [&](auto type) { backward<decltype(log_type), decltype(type)>(call); });
  });
}

}  // namespace xr::kernels::cpu
