#include "engine/ops/add.h"

#include "engine/autograd.h"
#include "engine/ops/broadcast.h"
#include "engine/ops/reorder.h"

namespace xr::engine {

namespace {

void pass_on(GradientContext& context, std::size_t input) {
  const GradientTarget target = context.target(input);
  if (!target.view.defined()) return;
  const Tensor& dy = context.output();
  if (target.view.shape == dy.shape())
    context.backend().scale(1.0f, dy.view(), target.view, target.write);
  else
    context.backend().sum_to_shape(dy.view(), 1.0f, target.view, target.write);
}

}  // namespace

Tensor add(const Tensor& a, const Tensor& b) {
  const Shape shape = broadcast_shape("add", a.shape(), b.shape());
  const Layout layout = a.shape() == b.shape() ? a.layout() : Layout::contiguous;
  const Tensor left = reorder(a, layout), right = reorder(b, layout);
  Tensor y = Tensor::empty(shape, {a.dtype(), a.device(), layout});
  a.backend().add(left.view(), right.view(), y.mutable_view());
  record(y, "add", {left, right}, [](GradientContext& context) {
    pass_on(context, 0);
    pass_on(context, 1);
  });
  return y;
}

}  // namespace xr::engine
