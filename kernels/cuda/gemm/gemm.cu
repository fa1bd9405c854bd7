#include "kernels/cuda/gemm/gemm.h"

#include <algorithm>

#include "kernels/cuda/gemm/gemm_kernel.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

GemmArguments arguments_of(const Gemm& g) {
  const auto is_bf16 = [](DType dtype) { return dtype == DType::bf16; };
  GemmArguments arguments{};
  arguments.m = to_int(g.m, "the number of rows");
  arguments.n = to_int(g.n, "the number of columns");
  arguments.k = to_int(g.k, "the depth");
  arguments.a = {g.a.data, g.transpose_a ? 1 : g.k, g.transpose_a ? g.m : 1, is_bf16(g.a.dtype)};
  arguments.b = {g.b.data, g.transpose_b ? g.k : 1, g.transpose_b ? 1 : g.n, is_bf16(g.b.dtype)};
  arguments.bias = g.bias;
  arguments.c = g.c.data;
  arguments.c_is_bf16 = is_bf16(g.c.dtype);
  arguments.write = g.write;
  arguments.aligned = is_aligned(g.c.data) && g.n % (arguments.c_is_bf16 ? 8 : 4) == 0;
  return arguments;
}

int depth_splits(std::int64_t tiles, std::int64_t depth_tiles) {
  constexpr std::int64_t min_depth_tiles = 8;
  return static_cast<int>(std::clamp<std::int64_t>(
      std::min(blocks_to_fill / tiles, depth_tiles / min_depth_tiles), 1, blocks_to_fill));
}

GemmOrder order_of(const KernelBackend& backend, const Gemm& gemm) {
  const GemmArguments arguments = arguments_of(gemm);
  if (backend.options().variant == "strided" || !is_aligned(arguments.a) || !is_aligned(arguments.b) ||
      (gemm.transpose_a && gemm.transpose_b))
    return GemmOrder::strided;
  return gemm.transpose_a   ? GemmOrder::a_transposed
         : gemm.transpose_b ? GemmOrder::b_transposed
                            : GemmOrder::neither_transposed;
}

bool is_skinny(std::int64_t m, std::int64_t n, std::int64_t k) {
  constexpr std::int64_t widest = 64;
  return std::min({m, n, k}) <= widest;
}

void run_gemm(KernelBackend& backend, const Gemm& gemm) {
  for (const ConstView& view : {gemm.a, gemm.b, ConstView(gemm.c)})
    XR_CHECK(view.dtype == DType::f32 || view.dtype == DType::bf16,
             "a matrix of type {} has no kernel: use f32 or bf16", name_of(view.dtype));
  if (gemm.a.dtype == DType::f32 && gemm.b.dtype == DType::f32)
    run_gemm_f32(backend, gemm);
  else
    run_gemm_bf16(backend, gemm);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
