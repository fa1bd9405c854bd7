#include "kernels/ops/batch_norm2d.h"

#include "kernels/common/checks.h"

namespace xr::kernels {

void require_channels(const char* operation, const ConstView& x, std::initializer_list<NamedVector> vectors) {
  require_activation(operation, "x", x);
  XR_CHECK(x.shape.rank() == 2 || x.shape.rank() == 4,
           "{}: x has the shape {}: it must be (N, C) or (N, C, H, W)", operation, x.shape.to_string());
  for (const NamedVector& vector : vectors) require_vector(operation, vector.name, vector.view, x.shape[1]);
}

void require_gradients(const char* operation, const ConstView& x, const Gradient& dx, const Gradient& d_gamma,
                       const Gradient& d_beta) {
  XR_CHECK(x.numel() > 0, "{}: x has the shape {}: it must not be empty", operation, x.shape.to_string());
  if (dx.view.defined()) require_same_kind(operation, "x", x, "dx", dx.view);
  if (d_gamma.view.defined()) require_vector(operation, "d_gamma", d_gamma.view, x.shape[1]);
  if (d_beta.view.defined()) require_vector(operation, "d_beta", d_beta.view, x.shape[1]);
}

void require_statistics(const char* operation, const ConstView& x, const ConstView& running_mean,
                        const ConstView& running_var) {
  XR_CHECK(x.numel() > 0, "{}: x has the shape {}: it must not be empty", operation, x.shape.to_string());
  XR_CHECK(x.numel() / x.shape[1] > 1,
           "{}: x has the shape {}: training needs more than one value per channel (a larger batch or image)",
           operation, x.shape.to_string());
  if (running_mean.defined()) require_vector(operation, "running_mean", running_mean, x.shape[1]);
  if (running_var.defined()) require_vector(operation, "running_var", running_var, x.shape[1]);
}

void BatchNorm2dForwardTraining::validate() const {
  require_channels(name, x, {{"gamma", gamma}, {"beta", beta}, {"mean", mean}, {"inverse_std", inverse_std}});
  require_statistics(name, x, running_mean, running_var);
  require_same_kind(name, "x", x, "y", y);
}

void BatchNorm2dForwardInference::validate() const {
  require_channels(
      name, x,
      {{"gamma", gamma}, {"beta", beta}, {"running_mean", running_mean}, {"running_var", running_var}});
  require_same_kind(name, "x", x, "y", y);
}

void BatchNorm2dBackwardTraining::validate() const {
  require_channels(name, x, {{"gamma", gamma}, {"mean", mean}, {"inverse_std", inverse_std}});
  require_same_kind(name, "x", x, "dy", dy);
  require_gradients(name, x, dx, d_gamma, d_beta);
}

void BatchNorm2dBackwardInference::validate() const {
  require_channels(name, x, {{"gamma", gamma}, {"running_mean", running_mean}, {"running_var", running_var}});
  require_same_kind(name, "x", x, "dy", dy);
  require_gradients(name, x, dx, d_gamma, d_beta);
}

}  // namespace xr::kernels
