#include "engine/ops/conv2d_max_pool2d.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "engine/core/autograd.h"
#include "engine/ops/cast.h"
#include "engine/ops/pool_shape.h"

namespace xr::engine {
namespace {

// About what the second-level caches of two cores hold. Inference of 32 images with xray_resnet, bf16, two threads: 21.1 ms,
// 23.0 ms with all images at a time.
constexpr std::int64_t bytes_at_a_time = std::int64_t{6} << 20;

/// Images first to first + count of a rank-4 activation.
template <class V>
V images_of(V view, std::int64_t first, std::int64_t count) {
  using Byte = std::conditional_t<std::is_same_v<V, ConstView>, const std::byte, std::byte>;
  const std::int64_t image =
      view.numel() / view.shape[0] * static_cast<std::int64_t>(kernels::size_of(view.dtype));
  view.data = static_cast<Byte*>(view.data) + first * image;
  view.shape[0] = count;
  return view;
}

}  // namespace

Tensor conv2d_relu_max_pool2d(const Tensor& input, const ConstantFilter& constant, const Conv2dParams& params,
                              const Pool2dParams& pool) {
  XR_CHECK(!will_record({input, constant.filter, constant.bias}),
           "conv2d of a constant filter has no gradient and no trace: use NoGradGuard");
  const Shape between = conv2d_shape(input.shape(), constant.filter.shape(), params),
              pooled = pooled_shape("max_pool2d", between, pool);
  kernels::Backend& backend = input.backend();
  const Tensor x = cast(input, backend.activation_type());
  const Layout layout = backend.preferred_layout(between[1]);
  Tensor y = Tensor::empty(pooled, {x.dtype(), x.device(), layout});
  const std::int64_t images = between[0],
                     image_bytes =
                         between.numel() / images * static_cast<std::int64_t>(kernels::size_of(x.dtype())),
                     part = x.device().type == kernels::DeviceType::cpu
                                ? std::clamp<std::int64_t>(bytes_at_a_time / image_bytes, 1, images)
                                : images;
  Shape some = between;
  some[0] = part;
  Tensor results = Tensor::empty(some, {x.dtype(), x.device(), layout});
  for (std::int64_t first = 0; first < images; first += part) {
    const std::int64_t count = std::min(part, images - first);
    const View result = images_of(results.mutable_view(), 0, count);
    backend.run(kernels::Conv2dForward{.x = images_of(x.view(), first, count),
                                       .filter = constant.filter.view(),
                                       .bias = constant.bias.view(),
                                       .y = result,
                                       .params = params,
                                       .relu = true,
                                       .filter_number = constant.number});
    backend.run(kernels::MaxPool2dForward{
        .x = result, .y = images_of(y.mutable_view(), first, count), .argmax = {}, .params = pool});
  }
  return y;
}

}  // namespace xr::engine
