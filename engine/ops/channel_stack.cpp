#include "engine/ops/channel_stack.h"

#include "engine/ops/channel_copies.h"
#include "engine/ops/reorder.h"

namespace xr::engine {

namespace {

// For channels that nobody has read: what backward has saved of the others stays as it is, so this counts as no change of
// the storage.
View unread_channels(const Tensor& features) {
  const TensorState& state = *features.state();
  return {{static_cast<std::byte*>(state.storage->data()) + state.offset, state.shape, state.dtype,
           state.layout}};
}

}  // namespace

ChannelStack::ChannelStack(const Tensor& x, std::int64_t capacity) {
  XR_CHECK(x.rank() == 4 && x.dim(1) <= capacity, "a stack of {} channels cannot begin with {}", capacity,
           x.shape().to_string());
  const Tensor first = reorder(x, layout_for_copies(x, {x.dim(1), capacity}));
  features_ =
      Tensor::empty({x.dim(0), capacity, x.dim(2), x.dim(3)}, {x.dtype(), x.device(), first.layout()});
  channels_ = x.dim(1);
  x.backend().run(
      kernels::CopyChannels{.x = first.view(), .y = features_.mutable_view(), .count = channels_});
  record(features_, "begin_channel_stack", {first},
         [](GradientContext& context) { give_channels(context, 0, 0); });
}

void ChannelStack::append(const Tensor& x) {
  const Shape& shape = features_.shape();
  XR_CHECK(x.rank() == 4 && x.dim(0) == shape[0] && x.dim(2) == shape[2] && x.dim(3) == shape[3] &&
               x.dtype() == features_.dtype() && channels_ + x.dim(1) <= shape[1],
           "{} {} does not fit behind {} channels of a stack of {} {}", name_of(x.dtype()),
           x.shape().to_string(), channels_, name_of(features_.dtype()), shape.to_string());
  const Tensor next = reorder(x, features_.layout());
  Tensor both = features_.detach();
  both.backend().run(kernels::CopyChannels{
      .x = next.view(), .y = unread_channels(both), .to = channels_, .count = x.dim(1)});
  // The gradient of the channels before x is the leading part of that of all, and stays where it is.
  record(both, "append_channels", {features_, next}, [from = channels_](GradientContext& context) {
    give_channels(context, 1, from);
    context.give(0, context.output());
  });
  features_ = both;
  channels_ += x.dim(1);
}

Tensor ChannelStack::batch_norm2d_relu(BatchNorm2dState& state, bool training) const {
  XR_CHECK(state.gamma.dim(0) == channels_, "a batch norm over {} channels reads a stack that has {}",
           state.gamma.dim(0), channels_);
  return batch_norm2d_relu_leading(features_, state, training);
}

const Tensor& ChannelStack::all() const {
  XR_CHECK(channels_ == features_.dim(1), "{} of the {} channels of a stack are there", channels_,
           features_.dim(1));
  return features_;
}

}  // namespace xr::engine
