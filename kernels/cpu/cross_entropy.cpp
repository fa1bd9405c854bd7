// PyTorch's cross_entropy with mean reduction, on the log-softmax of the logits.
//
// With label y_n, class weights w (1 if absent), smoothing s, C classes and W = sum_n w[y_n]:
//   loss = (1 - s) / W * sum_n -w[y_n] log p_n[y_n]  +  s / (C W) * sum_n sum_c -w[c] log p_n[c]
//   d loss / d z_n[c] = ((1 - s) w[y_n] (p_n[c] - [c = y_n]) + s / C (p_n[c] sum_k w[k] - w[c])) / W
// Both normalised by the weights of the targets, as torch.nn.functional.cross_entropy does (checked against
// it). The rows are few (a batch), so their terms are added by one thread, in order and in double.
#include <cmath>

#include "kernels/cpu/checks.h"
#include "kernels/cpu/cpu_backend.h"

namespace xr::kernels::cpu {

namespace {

class Targets {
 public:
  Targets(const char* operation, const ConstView& logits, const ConstView& labels,
          const ConstView& class_weights)
      : rows_(logits.shape[0]), classes_(logits.shape[1]), labels_(labels.as<std::int64_t>()) {
    XR_CHECK(labels.dtype == DType::i64 && labels.numel() == rows_,
             "{}: labels are {} of the shape {}: they must be i64, one for each of the {} rows", operation,
             name_of(labels.dtype), labels.shape.to_string(), rows_);
    if (class_weights.defined()) {
      require_vector(operation, "class_weights", class_weights, classes_);
      weights_ = class_weights.as<float>();
    }
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

void require_logits(const char* operation, const char* name, const ConstView& view) {
  require_f32(operation, name, view);
  require_contiguous(operation, name, view);
  XR_CHECK(view.shape.rank() == 2, "{}: {} has the shape {}: it must be (N, classes)", operation, name,
           view.shape.to_string());
}

}  // namespace

void CpuBackend::cross_entropy_forward(const CrossEntropyParams& params, ConstView logits, ConstView labels,
                                       ConstView class_weights, View loss, View log_probabilities) {
  require_logits("cross_entropy_forward", "logits", logits);
  require_vector("cross_entropy_forward", "loss", loss, 1);
  const Targets targets("cross_entropy_forward", logits, labels, class_weights);
  log_softmax_forward(logits, log_probabilities);
  const double smoothing = params.label_smoothing;
  const float* log_p = log_probabilities.as<float>();
  double likelihood = 0, smooth = 0;
  for (std::int64_t row = 0; row < targets.rows(); ++row, log_p += targets.classes()) {
    likelihood -= targets.weight(targets.label(row)) * log_p[targets.label(row)];
    if (smoothing > 0)
      for (std::int64_t c = 0; c < targets.classes(); ++c) smooth -= targets.weight(c) * log_p[c];
  }
  const double total =
      (1 - smoothing) * likelihood + smoothing / static_cast<double>(targets.classes()) * smooth;
  *loss.as<float>() = static_cast<float>(total / targets.sum());
}

void CpuBackend::cross_entropy_backward(const CrossEntropyParams& params, ConstView log_probabilities,
                                        ConstView labels, ConstView class_weights, ConstView d_loss,
                                        View d_logits, GradientWrite write) {
  require_logits("cross_entropy_backward", "log_probabilities", log_probabilities);
  require_alike("cross_entropy_backward", "log_probabilities", log_probabilities, "d_logits", d_logits);
  require_vector("cross_entropy_backward", "d_loss", d_loss, 1);
  const Targets targets("cross_entropy_backward", log_probabilities, labels, class_weights);
  const double gradient = *d_loss.as<float>() / targets.sum(), smoothing = params.label_smoothing;
  const double share = smoothing / static_cast<double>(targets.classes());
  const float* log_p = log_probabilities.as<float>();
  float* result = d_logits.as<float>();
  for (std::int64_t row = 0; row < targets.rows(); ++row) {
    const double weight = (1 - smoothing) * targets.weight(targets.label(row));
    for (std::int64_t c = 0; c < targets.classes(); ++c, ++log_p, ++result) {
      const double p = std::exp(static_cast<double>(*log_p)), hit = c == targets.label(row) ? 1.0 : 0.0;
      const double slope = weight * (p - hit) + share * (p * targets.class_sum() - targets.weight(c));
      const auto value = static_cast<float>(gradient * slope);
      *result = write == GradientWrite::accumulate ? *result + value : value;
    }
  }
}

}  // namespace xr::kernels::cpu
