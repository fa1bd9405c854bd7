#include "engine/ops/concat_channels.h"

#include "engine/core/autograd.h"
#include "engine/ops/reorder.h"

namespace xr::engine {

namespace {

// blocked16 copies whole blocks of channels.
Layout layout_of_both(const Tensor& a, const Tensor& b) {
  const bool whole_blocks = a.dim(1) % 16 == 0 && b.dim(1) % 16 == 0;
  return a.layout() == Layout::blocked16 && !whole_blocks ? Layout::contiguous : a.layout();
}

}  // namespace

Tensor concat_channels(const Tensor& a, const Tensor& b) {
  XR_CHECK(a.shape().rank() == 4 && b.shape().rank() == 4 && a.dim(0) == b.dim(0) && a.dim(2) == b.dim(2) &&
               a.dim(3) == b.dim(3) && a.dtype() == b.dtype(),
           "concat_channels: {} {} and {} {}: only their channels may differ", name_of(a.dtype()),
           a.shape().to_string(), name_of(b.dtype()), b.shape().to_string());
  const Layout layout = layout_of_both(a, b);
  const std::int64_t split = a.dim(1), channels = split + b.dim(1);
  const Tensor first = reorder(a, layout), second = reorder(b, layout);
  Tensor y = Tensor::empty({a.dim(0), channels, a.dim(2), a.dim(3)}, {a.dtype(), a.device(), layout});
  a.backend().run(kernels::CopyChannels{.x = first.view(), .y = y.mutable_view(), .count = split});
  a.backend().run(kernels::CopyChannels{
      .x = second.view(), .y = y.mutable_view(), .to = split, .count = channels - split});
  record(y, "concat_channels", {first, second}, [split, channels](GradientContext& context) {
    const ConstView dy = context.output().view();
    if (const GradientTarget da = context.target(0); da.view.defined())
      context.backend().run(kernels::CopyChannels{.x = dy, .y = da.view, .count = split, .write = da.write});
    if (const GradientTarget db = context.target(1); db.view.defined())
      context.backend().run(kernels::CopyChannels{
          .x = dy, .y = db.view, .from = split, .count = channels - split, .write = db.write});
  });
  return y;
}

Tensor leading_channels(const Tensor& x, std::int64_t count) {
  XR_CHECK(x.rank() == 4 && count >= 0 && count <= x.dim(1), "leading_channels: {} of a tensor of shape {}",
           count, x.shape().to_string());
  const bool whole_blocks = x.layout() != Layout::blocked16 || count % 16 == 0;
  const Tensor all = whole_blocks ? x : reorder(x, Layout::contiguous);
  Tensor y = Tensor::empty({x.dim(0), count, x.dim(2), x.dim(3)}, {x.dtype(), x.device(), all.layout()});
  x.backend().run(kernels::CopyChannels{.x = all.view(), .y = y.mutable_view(), .count = count});
  record(y, "leading_channels", {all}, [count](GradientContext& context) {
    const GradientTarget dx = context.target(0);
    if (!dx.view.defined()) return;
    if (dx.write == GradientWrite::overwrite) context.backend().run(kernels::Fill{.y = dx.view, .value = 0});
    context.backend().run(
        kernels::CopyChannels{.x = context.output().view(), .y = dx.view, .count = count, .write = dx.write});
  });
  return y;
}

}  // namespace xr::engine
