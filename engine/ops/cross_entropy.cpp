#include "engine/ops/cross_entropy.h"

#include "engine/core/autograd.h"
#include "engine/ops/cast.h"

namespace xr::engine {

Tensor cross_entropy(const Tensor& input, const Tensor& labels, const Tensor& class_weights,
                     const CrossEntropyParams& params) {
  const Tensor logits = cast(input, DType::f32);
  XR_CHECK(logits.rank() == 2 && logits.numel() > 0, "cross_entropy takes logits (N, classes), not {}",
           logits.shape().to_string());
  XR_CHECK(labels.shape() == Shape{logits.dim(0)} && labels.dtype() == DType::i64,
           "cross_entropy: labels {} {} do not fit logits {}: one i64 per row",
           kernels::name_of(labels.dtype()), labels.shape().to_string(), logits.shape().to_string());
  XR_CHECK(!class_weights.defined() || class_weights.shape() == Shape{logits.dim(1)},
           "cross_entropy: the class weights do not fit logits {}", logits.shape().to_string());
  XR_CHECK(params.label_smoothing >= 0.0f && params.label_smoothing <= 1.0f,
           "cross_entropy: label smoothing is {}, it must lie between 0 and 1", params.label_smoothing);
  Tensor loss = Tensor::empty({}, {logits.dtype(), logits.device(), Layout::contiguous});
  Tensor log_probabilities = Tensor::empty_like(logits);
  logits.backend().run(kernels::CrossEntropyForward{.logits = logits.view(),
                                                    .labels = labels.view(),
                                                    .class_weights = class_weights.view(),
                                                    .loss = loss.mutable_view(),
                                                    .log_probabilities = log_probabilities.mutable_view(),
                                                    .params = params});
  if (will_record({logits}))
    record(
        loss, "cross_entropy", {logits},
        [params, log_probabilities = Saved(log_probabilities), labels = Saved(labels),
         class_weights = Saved(class_weights)](GradientContext& context) {
          const GradientTarget d_logits = context.target(0);
          context.backend().run(kernels::CrossEntropyBackward{.log_probabilities = log_probabilities.view(),
                                                              .labels = labels.view(),
                                                              .class_weights = class_weights.view(),
                                                              .d_loss = context.output().view(),
                                                              .d_logits = d_logits.view,
                                                              .params = params,
                                                              .write = d_logits.write});
        });
  return loss;
}

}  // namespace xr::engine
