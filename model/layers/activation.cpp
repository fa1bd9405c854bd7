#include "model/layers/activation.h"

#include "engine/ops/leaky_relu.h"
#include "engine/ops/relu.h"
#include "engine/ops/relu6.h"

namespace xr::model {

Tensor Activation::forward(const Tensor& x) {
  switch (kind_) {
    case ActivationKind::relu:
      return engine::relu(x);
    case ActivationKind::relu6:
      return engine::relu6(x);
    case ActivationKind::leaky_relu:
      break;
  }
  return engine::leaky_relu(x, {.negative_slope = negative_slope_});
}

}  // namespace xr::model
