#include "kernels/cudnn/legacy_descriptor.h"

namespace xr::kernels::cudnn {

namespace {

ConstView as_rank4(ConstView view) {
  const Shape s = view.shape;
  if (s.rank() == 2)
    view.shape = {s[0], s[1], 1, 1};
  else if (s.rank() != 4)
    view.shape = {1, 1, 1, s.numel()};
  return view;
}

}  // namespace

bool suits_legacy(const ConstView& view) {
  return view.dtype == DType::f32 && view.layout != Layout::blocked16 && view.numel() > 0 &&
         view.numel() <= INT_MAX;
}

TensorDescriptor::TensorDescriptor(const CudnnLibrary& library, const ConstView& view)
    : LegacyDescriptor(library) {
  const Operand o = operand_of(as_rank4(view));
  const auto at = [](const std::array<std::int64_t, 4>& values, std::size_t i) {
    return static_cast<int>(values[i]);
  };
  XR_CUDNN_CALL(library, cudnnSetTensor4dDescriptorEx, get(), CUDNN_DATA_FLOAT, at(o.extents, 0),
                at(o.extents, 1), at(o.extents, 2), at(o.extents, 3), at(o.strides, 0), at(o.strides, 1),
                at(o.strides, 2), at(o.strides, 3));
}

}  // namespace xr::kernels::cudnn
