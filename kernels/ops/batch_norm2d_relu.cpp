#include "kernels/ops/batch_norm2d_relu.h"

#include "kernels/common/checks.h"

namespace xr::kernels {

namespace {

void require_one_tail(const char* operation, bool pool, bool relu6) {
  XR_CHECK(!pool || !relu6, "{}: pooling follows ReLU, not ReLU6", operation);
}

/// x with the channels that have a gamma alone: a shape to compare with.
ConstView normalised_part(bool pool, const ConstView& x, const ConstView& gamma) {
  ConstView part = x;
  if (!pool && x.shape.rank() == 4 && gamma.shape.rank() == 1 && gamma.shape[0] < x.shape[1])
    part.shape[1] = gamma.shape[0];
  return part;
}

/// dx is of x's shape, its parameters' gradients of the part's.
void require_part_gradients(const char* operation, const ConstView& x, const ConstView& part,
                            const Gradient& dx, const Gradient& d_gamma, const Gradient& d_beta) {
  if (dx.view.defined()) require_same_kind(operation, "x", x, "dx", dx.view);
  require_gradients(operation, part, {}, d_gamma, d_beta);
}

/// y (or dy) has the shape of x or, with pool, that of its windows.
void require_output(const char* operation, bool pool, const ConstView& x, const char* name,
                    const ConstView& y) {
  if (!pool) return require_same_kind(operation, "x", x, name, y);
  require_rank4(operation, "x", x);
  const Shape expected{x.shape[0], x.shape[1], x.shape[2] / 2, x.shape[3] / 2};
  XR_CHECK(y.shape == expected, "{}: {} has the shape {}: {} gives {}", operation, name, y.shape.to_string(),
           x.shape.to_string(), expected.to_string());
  require_dtype(operation, name, y, x.dtype);
  XR_CHECK(y.layout == x.layout, "{}: x is {} but {} is {}: they must have one layout", operation,
           name_of(x.layout), name, name_of(y.layout));
}

void require_winners(const char* operation, const ConstView& argmax, const ConstView& y) {
  XR_CHECK(argmax.dtype == DType::u8 && argmax.numel() >= y.numel(),
           "{}: argmax is {} with {} elements: it must be u8 with {}", operation, name_of(argmax.dtype),
           argmax.numel(), y.numel());
}

}  // namespace

void BatchNorm2dReluForwardTraining::validate() const {
  require_one_tail(name, pool, relu6);
  require_activation(name, "x", x);
  const ConstView part = normalised_part(pool, x, gamma);
  require_channels(name, part,
                   {{"gamma", gamma}, {"beta", beta}, {"mean", mean}, {"inverse_std", inverse_std}});
  require_statistics(name, part, running_mean, running_var);
  require_output(name, pool, part, "y", y);
  if (pool) require_winners(name, argmax, y);
}

void BatchNorm2dReluForwardInference::validate() const {
  require_one_tail(name, pool, relu6);
  require_activation(name, "x", x);
  const ConstView part = normalised_part(pool, x, gamma);
  require_channels(
      name, part,
      {{"gamma", gamma}, {"beta", beta}, {"running_mean", running_mean}, {"running_var", running_var}});
  require_output(name, pool, part, "y", y);
}

void BatchNorm2dReluBackwardTraining::validate() const {
  require_one_tail(name, pool, relu6);
  require_activation(name, "x", x);
  const ConstView part = normalised_part(pool, x, gamma);
  require_channels(name, part,
                   {{"gamma", gamma}, {"beta", beta}, {"mean", mean}, {"inverse_std", inverse_std}});
  require_output(name, pool, part, "dy", dy);
  if (pool) {
    require_output(name, pool, x, "y", y);
    require_winners(name, argmax, y);
  }
  require_part_gradients(name, x, part, dx, d_gamma, d_beta);
}

}  // namespace xr::kernels
