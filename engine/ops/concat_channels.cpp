#include "engine/ops/concat_channels.h"

#include "engine/ops/channel_copies.h"
#include "engine/ops/reorder.h"

namespace xr::engine {

Tensor concat_channels(const Tensor& a, const Tensor& b) {
  XR_CHECK(a.shape().rank() == 4 && b.shape().rank() == 4 && a.dim(0) == b.dim(0) && a.dim(2) == b.dim(2) &&
               a.dim(3) == b.dim(3) && a.dtype() == b.dtype(),
           "concat_channels: {} {} and {} {}: only their channels may differ", name_of(a.dtype()),
           a.shape().to_string(), name_of(b.dtype()), b.shape().to_string());
  const Layout layout = layout_for_copies(a, {a.dim(1), b.dim(1)});
  const std::int64_t split = a.dim(1), channels = split + b.dim(1);
  const Tensor first = reorder(a, layout), second = reorder(b, layout);
  Tensor y = Tensor::empty({a.dim(0), channels, a.dim(2), a.dim(3)}, {a.dtype(), a.device(), layout});
  a.backend().run(kernels::CopyChannels{.x = first.view(), .y = y.mutable_view(), .count = split});
  a.backend().run(kernels::CopyChannels{
      .x = second.view(), .y = y.mutable_view(), .to = split, .count = channels - split});
  record(y, "concat_channels", {first, second}, [split](GradientContext& context) {
    give_channels(context, 0, 0);
    give_channels(context, 1, split);
  });
  return y;
}

Tensor leading_channels(const Tensor& x, std::int64_t count) {
  XR_CHECK(x.rank() == 4 && count >= 0 && count <= x.dim(1), "leading_channels: {} of a tensor of shape {}",
           count, x.shape().to_string());
  const Tensor all = reorder(x, layout_for_copies(x, {count}));
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
