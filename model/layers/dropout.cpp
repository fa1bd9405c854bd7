#include "model/layers/dropout.h"

#include "engine/ops/dropout.h"
#include "kernels/common/random.h"

namespace xr::model {

Dropout::Dropout(Initializer& initializer, float probability)
    : probability_(probability), seed_(initializer.seed), layer_(initializer.next_stream++) {}

Tensor Dropout::forward(const Tensor& x) {
  if (!training() || probability_ == 0.0f) return x;
  engine::DropoutParams params;
  params.probability = probability_;
  params.seed = seed_;
  params.stream = stream_of(RandomPurpose::dropout, layer_);
  if (context().mask_number.defined())
    params.offset_on_device = context().mask_number.view().as<std::uint64_t>();
  else
    params.offset = static_cast<std::uint64_t>(Context::first_mask_number(step()));
  return engine::dropout(x, params);
}

}  // namespace xr::model
