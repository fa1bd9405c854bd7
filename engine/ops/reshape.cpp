#include "engine/ops/reshape.h"

#include "engine/core/autograd.h"
#include "engine/ops/reorder.h"

namespace xr::engine {

namespace {

Shape resolved(const Tensor& x, std::initializer_list<std::int64_t> wanted) {
  std::int64_t known = 1, unknown = 0;
  for (const std::int64_t extent : wanted) {
    XR_CHECK(extent >= -1, "reshape: the extent {} makes no sense", extent);
    extent == -1 ? ++unknown : known *= extent;
  }
  XR_CHECK(unknown <= 1, "reshape: only one extent can be -1");
  Shape shape;
  for (const std::int64_t extent : wanted)
    shape.push_back(extent >= 0 ? extent : known > 0 ? x.numel() / known : 0);
  XR_CHECK(shape.numel() == x.numel(), "reshape: {} elements of shape {} do not fit shape {}", x.numel(),
           x.shape().to_string(), shape.to_string());
  return shape;
}

Tensor with_shape(const Tensor& x, const Shape& shape) {
  const Tensor plain = reorder(x, Layout::contiguous);
  Tensor y = Tensor::on_storage(plain.state()->storage, plain.state()->offset, shape, plain.dtype());
  record(y, "reshape", {plain}, [shape_before = plain.shape()](GradientContext& context) {
    const TensorState& dy = *context.output().state();
    context.give(0, Tensor::on_storage(dy.storage, dy.offset, shape_before, dy.dtype));
  });
  return y;
}

}  // namespace

Tensor reshape(const Tensor& x, std::initializer_list<std::int64_t> shape) {
  return with_shape(x, resolved(x, shape));
}

Tensor flatten(const Tensor& x) {
  XR_CHECK(x.rank() >= 1, "flatten takes at least one dimension");
  return with_shape(x, {x.dim(0), x.dim(0) > 0 ? x.numel() / x.dim(0) : 0});
}

}  // namespace xr::engine
