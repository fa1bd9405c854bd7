#include "engine/ops/mul.h"

#include "engine/core/autograd.h"
#include "engine/ops/broadcast.h"
#include "engine/ops/reorder.h"

namespace xr::engine {

namespace {

// The gradient of one factor: dy times the other, summed over what was broadcast.
void pass_on(GradientContext& context, std::size_t input, const Saved& other) {
  const GradientTarget target = context.target(input);
  if (!target.view.defined()) return;
  Tensor product = Tensor::empty_like(context.output());
  context.backend().run(
      kernels::Multiply{.a = context.output().view(), .b = other.view(), .y = product.mutable_view()});
  if (target.view.shape == product.shape())
    context.backend().run(kernels::Scale{.x = product.view(), .y = target.view, .write = target.write});
  else
    context.backend().run(kernels::SumToShape{.x = product.view(), .y = target.view, .write = target.write});
}

}  // namespace

Tensor mul(const Tensor& a, const Tensor& b) {
  const Shape shape = broadcast_shape("mul", a.shape(), b.shape());
  const Layout layout = a.shape() == b.shape() ? a.layout() : Layout::contiguous;
  const Tensor left = reorder(a, layout), right = reorder(b, layout);
  Tensor y = Tensor::empty(shape, {a.dtype(), a.device(), layout});
  a.backend().run(kernels::Multiply{.a = left.view(), .b = right.view(), .y = y.mutable_view()});
  if (will_record({left, right}))
    record(y, "mul", {left, right}, [left = Saved(left), right = Saved(right)](GradientContext& context) {
      pass_on(context, 0, right);
      pass_on(context, 1, left);
    });
  return y;
}

Tensor mul(const Tensor& x, float a) {
  Tensor y = Tensor::empty_like(x);
  x.backend().run(kernels::Scale{.x = x.view(), .y = y.mutable_view(), .factor = a});
  record(
      y, "mul", {x},
      [a](GradientContext& context) {
        const GradientTarget dx = context.target(0);
        context.backend().run(
            kernels::Scale{.x = context.output().view(), .y = dx.view, .factor = a, .write = dx.write});
      },
      a);
  return y;
}

}  // namespace xr::engine
