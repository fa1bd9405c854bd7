#include "engine/ops/add.h"

#include "engine/core/autograd.h"
#include "engine/ops/broadcast.h"
#include "engine/ops/reorder.h"

namespace xr::engine {

namespace {

void pass_on(GradientContext& context, std::size_t input, const Shape& input_shape) {
  const Tensor& dy = context.output();
  if (input_shape == dy.shape()) return context.give(input, dy);
  if (const GradientTarget target = context.target(input); target.view.defined())
    context.backend().run(kernels::SumToShape{.x = dy.view(), .y = target.view, .write = target.write});
}

}  // namespace

Tensor add(const Tensor& a, const Tensor& b) {
  const Shape shape = broadcast_shape("add", a.shape(), b.shape());
  const Layout layout = a.shape() == b.shape() ? a.layout() : Layout::contiguous;
  const Tensor left = reorder(a, layout), right = reorder(b, layout);
  Tensor y = Tensor::empty(shape, {a.dtype(), a.device(), layout});
  a.backend().run(kernels::Add{.a = left.view(), .b = right.view(), .y = y.mutable_view()});
  record(y, "add", {left, right}, [a_shape = a.shape(), b_shape = b.shape()](GradientContext& context) {
    pass_on(context, 0, a_shape);
    pass_on(context, 1, b_shape);
  });
  return y;
}

}  // namespace xr::engine
