#include "kernels/ops/cross_entropy.h"

#include "kernels/common/checks.h"

namespace xr::kernels {

namespace {

void require_targets(const char* operation, const ConstView& rows, const ConstView& labels,
                     const ConstView& class_weights) {
  XR_CHECK(labels.dtype == DType::i64 && labels.numel() == rows.shape[0],
           "{}: labels are {} of the shape {}: they must be i64, one for each of the {} rows", operation,
           name_of(labels.dtype), labels.shape.to_string(), rows.shape[0]);
  if (class_weights.defined()) require_vector(operation, "class_weights", class_weights, rows.shape[1]);
}

}  // namespace

void CrossEntropyForward::validate() const {
  require_rows(name, "logits", logits);
  require_targets(name, logits, labels, class_weights);
  require_activation(name, "log_probabilities", log_probabilities);
  require_same_form(name, "logits", logits, "log_probabilities", log_probabilities);
  require_vector(name, "loss", loss, 1);
}

void CrossEntropyBackward::validate() const {
  require_rows(name, "log_probabilities", log_probabilities);
  require_targets(name, log_probabilities, labels, class_weights);
  require_activation(name, "d_logits", d_logits);
  require_same_form(name, "log_probabilities", log_probabilities, "d_logits", d_logits);
  require_vector(name, "d_loss", d_loss, 1);
}

}  // namespace xr::kernels
