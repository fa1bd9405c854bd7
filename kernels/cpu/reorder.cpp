// reorder: copies a tensor into another layout. x, y: (N, C, H, W) of any dtype; other ranks are copied.
//
// f32 and bf16 go through oneDNN's generated code; the other types, which only small tensors have, through a plain
// loop over logical indices.
#include <cstdint>

#include "kernels/common/parallel.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/primitives.h"

namespace xr::kernels::cpu {
namespace {

template <class Element>
void reorder_plain(const ConstView& x, const View& y) {
  const Shape& shape = x.shape;
  parallel_for(shape[0] * shape[1], [&](std::int64_t plane) {
    const std::int64_t n = plane / shape[1], c = plane % shape[1];
    for (std::int64_t h = 0; h < shape[2]; ++h)
      for (std::int64_t w = 0; w < shape[3]; ++w)
        y.as<Element>()[offset_of(y.layout, shape, n, c, h, w)] =
            x.as<Element>()[offset_of(x.layout, shape, n, c, h, w)];
  });
}

}  // namespace

void convert_activation(OneDnn& one_dnn, const Shape& shape, DType dtype, Layout from, const void* x,
                        Layout to, void* converted) {
  const auto describe = [&] {
    return fmt::format("{} from {} to {}", shape.to_string(), name_of(from), name_of(to));
  };
  with_onednn_errors("reorder", describe, [&] {
    const auto source = activation_layout(shape, from, dtype),
               destination = activation_layout(shape, to, dtype);
    PrimitiveKey key(shape.begin(), shape.end());
    key.push_back(static_cast<std::int64_t>(dtype));
    key.push_back(static_cast<std::int64_t>(from));
    key.push_back(static_cast<std::int64_t>(to));
    CachedPrimitive& primitive = one_dnn.get(Operation::reorder, std::move(key), [&] {
      dnnl::primitive_attr attributes;
      attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
      const dnnl::reorder::primitive_desc descriptor(one_dnn.engine(), source, one_dnn.engine(), destination,
                                                     attributes);
      return CachedPrimitive(dnnl::reorder(descriptor), descriptor);
    });
    one_dnn.run(primitive, {Argument::input(DNNL_ARG_SRC, source, x),
                            Argument::output(DNNL_ARG_DST, destination, converted)});
  });
}

void CpuBackend::compute(const Reorder& call) {
  if (call.x.numel() == 0) return;
  if (call.x.layout == call.y.layout || call.x.shape.rank() != 4) {
    return copy(call.y.data, call.x.data, call.x.bytes());
  }
  if (call.x.dtype == DType::f32 || call.x.dtype == DType::bf16) {
    const OneDnn::Call scope(*primitives_, 16.0 * static_cast<double>(call.x.numel()));
    return convert_activation(*primitives_, call.x.shape, call.x.dtype, call.x.layout, call.x.data,
                              call.y.layout, call.y.data);
  }
  switch (size_of(call.x.dtype)) {
    case 1:
      return reorder_plain<std::uint8_t>(call.x, call.y);
    case 4:
      return reorder_plain<std::uint32_t>(call.x, call.y);
    default:
      return reorder_plain<std::uint64_t>(call.x, call.y);
  }
}

}  // namespace xr::kernels::cpu
