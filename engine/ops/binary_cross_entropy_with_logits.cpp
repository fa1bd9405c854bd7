#include "engine/ops/binary_cross_entropy_with_logits.h"

#include "engine/core/autograd.h"
#include "engine/ops/cast.h"

namespace xr::engine {

Tensor binary_cross_entropy_with_logits(const Tensor& input, const Tensor& targets,
                                        const Tensor& pos_weight) {
  const Tensor logits = cast(input, DType::f32);
  XR_CHECK(logits.rank() == 2 && logits.numel() > 0,
           "binary_cross_entropy_with_logits takes logits (N, labels), not {}", logits.shape().to_string());
  XR_CHECK(targets.shape() == logits.shape() && targets.dtype() == DType::f32,
           "binary_cross_entropy_with_logits: targets {} {} do not fit logits {}: one f32 for each",
           kernels::name_of(targets.dtype()), targets.shape().to_string(), logits.shape().to_string());
  XR_CHECK(!pos_weight.defined() || pos_weight.shape() == Shape{logits.dim(1)},
           "binary_cross_entropy_with_logits: pos_weight does not fit logits {}", logits.shape().to_string());
  const TensorOptions options{DType::f32, logits.device(), Layout::contiguous};
  Tensor loss = Tensor::empty({}, options), known = Tensor::empty({}, options);
  logits.backend().run(kernels::BinaryCrossEntropyWithLogitsForward{.logits = logits.view(),
                                                                    .targets = targets.view(),
                                                                    .pos_weight = pos_weight.view(),
                                                                    .loss = loss.mutable_view(),
                                                                    .known = known.mutable_view()});
  if (will_record({logits}))
    record(loss, "binary_cross_entropy_with_logits", {logits},
           [logits = Saved(logits), targets = Saved(targets), pos_weight = Saved(pos_weight),
            known = Saved(known)](GradientContext& context) {
             const GradientTarget d_logits = context.target(0);
             context.backend().run(
                 kernels::BinaryCrossEntropyWithLogitsBackward{.logits = logits.view(),
                                                               .targets = targets.view(),
                                                               .pos_weight = pos_weight.view(),
                                                               .known = known.view(),
                                                               .d_loss = context.output().view(),
                                                               .d_logits = d_logits.view,
                                                               .write = d_logits.write});
           });
  return loss;
}

}  // namespace xr::engine
