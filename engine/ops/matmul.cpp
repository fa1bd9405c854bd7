#include "engine/ops/matmul.h"

#include "engine/core/autograd.h"

namespace xr::engine {

Tensor matmul(const Tensor& a, const Tensor& b) {
  XR_CHECK(a.rank() == 2 && b.rank() == 2 && a.dim(1) == b.dim(0), "matmul: {} and {} do not fit",
           a.shape().to_string(), b.shape().to_string());
  Tensor c = Tensor::empty({a.dim(0), b.dim(1)}, {a.dtype(), a.device(), Layout::contiguous});
  a.backend().run(kernels::Matmul{.a = a.view(), .b = b.view(), .c = c.mutable_view()});
  if (will_record({a, b}))
    record(c, "matmul", {a, b}, [a = Saved(a), b = Saved(b)](GradientContext& context) {
      const ConstView dc = context.output().view();
      if (const GradientTarget da = context.target(0); da.view.defined())
        context.backend().run(
            kernels::Matmul{.a = dc, .b = b.view(), .c = da.view, .transpose_b = true, .write = da.write});
      if (const GradientTarget db = context.target(1); db.view.defined())
        context.backend().run(
            kernels::Matmul{.a = a.view(), .b = dc, .c = db.view, .transpose_a = true, .write = db.write});
    });
  return c;
}

}  // namespace xr::engine
