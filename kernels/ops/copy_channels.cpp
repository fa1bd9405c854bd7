#include "kernels/ops/copy_channels.h"

#include "kernels/common/checks.h"

namespace xr::kernels {

void CopyChannels::validate() const {
  require_activation(name, "x", x);
  require_activation(name, "y", y);
  require_rank4(name, "x", x);
  require_rank4(name, "y", y);
  require_dtype(name, "y", y, x.dtype);
  Shape same_channels = y.shape;
  same_channels[1] = x.shape[1];
  XR_CHECK(x.shape == same_channels, "{}: x has the shape {} but y has {}: only their channels may differ",
           name, x.shape.to_string(), y.shape.to_string());
  XR_CHECK(x.layout == y.layout, "{}: x is {} but y is {}: they must have one layout", name,
           name_of(x.layout), name_of(y.layout));
  XR_CHECK(from >= 0 && to >= 0 && count >= 0 && from + count <= x.shape[1] && to + count <= y.shape[1],
           "{}: channels {} to {} of {} cannot go to channel {} of {}", name, from, from + count, x.shape[1],
           to, y.shape[1]);
  XR_CHECK(x.layout != Layout::blocked16 || (from % 16 == 0 && to % 16 == 0 && count % 16 == 0),
           "{}: {} channels from {} to {}: in blocked16 all three must be multiples of 16", name, count, from,
           to);
}

ChannelRows rows_of(const CopyChannels& call) {
  const Shape& shape = call.x.shape;
  const std::int64_t pixels = shape[2] * shape[3], channels = shape[1], y_channels = call.y.shape[1];
  if (call.x.layout == Layout::channels_last)
    return {shape[0] * pixels, call.count, call.from, channels, call.to, y_channels};
  return {shape[0],          call.count * pixels, call.from * pixels,
          channels * pixels, call.to * pixels,    y_channels * pixels};
}

}  // namespace xr::kernels
