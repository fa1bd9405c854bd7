// copy_channels: a copy of rows of neighbouring elements, a thread 16 bytes of one where all begin at multiples
// of that. Bytes: the copied elements twice, three times when it adds. Bound by memory.
#include "kernels/common/checks.h"
#include "kernels/cuda/activation.h"
#include "kernels/cuda/kernel_backend.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

template <class T, int Width>
struct CopyPiece {
  const T* x;
  T* y;
  std::int64_t x_pitch, y_pitch;
  int pieces;  ///< of a row
  GradientWrite write;

  __device__ void operator()(std::int64_t item) const {
    const Division row = divide(item, pieces);
    const std::int64_t first = static_cast<std::int64_t>(row.remainder) * Width;
    Elements<T, Width>::load(x + row.quotient * x_pitch + first)
        .write(y + row.quotient * y_pitch + first, write);
  }
};

template <class T, int Width>
void launch_copy(KernelBackend& backend, const CopyChannels& call, const ChannelRows& r) {
  const std::int64_t pieces = r.length / Width, items = r.rows * pieces;
  backend.run({Width == 1 ? "copy_channels_scalar" : "copy_channels", blocks_for(items, elementwise_threads),
               elementwise_threads, 0, call.bytes(), call.flops()},
              for_each_kernel<CopyPiece<T, Width>>,
              CopyPiece<T, Width>{call.x.as<T>() + r.x_first, call.y.as<T>() + r.y_first, r.x_pitch,
                                  r.y_pitch, to_int(pieces, "the pieces of a row"), call.write},
              items);
}

}  // namespace

void KernelBackend::compute(const CopyChannels& call) {
  with_layout(call.name, call.x.layout, [](auto) {});
  const ChannelRows r = rows_of(call);
  if (r.rows == 0 || r.length == 0) return;
  with_activation_type(call.name, call.x.dtype, [&](auto type) {
    using T = decltype(type);
    constexpr int width = vector_width<T>;
    const bool whole = r.length % width == 0 && r.x_pitch % width == 0 && r.y_pitch % width == 0;
    if (whole && whole_vectors<width>(width, call.x.as<T>() + r.x_first, call.y.as<T>() + r.y_first) == 1)
      launch_copy<T, width>(*this, call, r);
    else
      launch_copy<T, 1>(*this, call, r);
  });
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
