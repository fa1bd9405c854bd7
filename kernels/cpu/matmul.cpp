// matmul: c (M, N) = or += op(a) op(b), row-major, f32 or bf16; oneDNN's matmul with the transposes as strides and the
// accumulation as a post-operation.
#include "kernels/cpu/matmul.h"

#include <algorithm>

#include "kernels/common/checks.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/onednn.h"

namespace xr::kernels::cpu {
namespace {

dnnl::memory::desc matrix(std::int64_t rows, std::int64_t columns, bool transposed, DType dtype) {
  using dnnl::memory;
  const memory::dims strides = transposed ? memory::dims{1, rows} : memory::dims{columns, 1};
  return {{rows, columns}, onednn_type(dtype), strides};
}

dnnl::memory::desc matrices(std::int64_t count, std::int64_t rows, std::int64_t columns, bool transposed,
                            DType dtype) {
  if (count == 1) return matrix(rows, columns, transposed, dtype);
  using dnnl::memory;
  const memory::dims strides =
      transposed ? memory::dims{rows * columns, 1, rows} : memory::dims{rows * columns, columns, 1};
  return {{count, rows, columns}, onednn_type(dtype), strides};
}

}  // namespace

void run_matmul(OneDnn& one_dnn, const MatmulProblem& problem, const void* a, const void* b,
                const float* bias, void* c) {
  const auto& p = problem;
  const bool accumulate = p.write == GradientWrite::accumulate;
  with_onednn_errors(
      "matmul", [&] { return fmt::format("({} x {}) ({} x {})", p.m, p.k, p.k, p.n); },
      [&] {
        const DType operands = p.a == DType::bf16 || p.b == DType::bf16 ? DType::bf16 : DType::f32;
        const dnnl::memory::desc c_layout = matrices(p.count, p.m, p.n, false, p.c);
        const dnnl::memory::desc bias_layout = matrix(1, p.n, false, DType::f32);
        CachedPrimitive& primitive = one_dnn.get(
            Operation::matmul,
            {p.count, p.m, p.n, p.k, p.transpose_a, p.transpose_b, p.has_bias, accumulate,
             static_cast<std::int64_t>(operands), static_cast<std::int64_t>(p.c)},
            [&] {
              const dnnl::memory::desc a_layout = matrices(p.count, p.m, p.k, p.transpose_a, operands);
              const dnnl::memory::desc b_layout = matrices(p.count, p.k, p.n, p.transpose_b, operands);
              dnnl::primitive_attr attributes;
              attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
              if (accumulate) {
                dnnl::post_ops add;
                add.append_sum(1.0f);
                attributes.set_post_ops(add);
              }
              const auto descriptor = onednn::make_descriptor<dnnl::matmul>(
                  one_dnn.engine(), attributes, onednn::IfMissing::error, a_layout, b_layout,
                  p.has_bias ? bias_layout : dnnl::memory::desc(), c_layout);
              return CachedPrimitive(dnnl::matmul(descriptor), descriptor);
            });
        std::vector<Argument> arguments{
            Argument::input(DNNL_ARG_SRC, matrices(p.count, p.m, p.k, p.transpose_a, p.a), a),
            Argument::input(DNNL_ARG_WEIGHTS, matrices(p.count, p.k, p.n, p.transpose_b, p.b), b),
            Argument::output(DNNL_ARG_DST, c_layout, c)};
        if (p.has_bias) arguments.push_back(Argument::input(DNNL_ARG_BIAS, bias_layout, bias));
        one_dnn.run(primitive, arguments);
      });
}

void CpuBackend::compute(const Matmul& call) {
  const MatmulProblem problem{.m = call.m(),
                              .n = call.n(),
                              .k = call.k(),
                              .transpose_a = call.transpose_a,
                              .transpose_b = call.transpose_b,
                              .write = call.write,
                              .a = call.a.dtype,
                              .b = call.b.dtype,
                              .c = call.c.dtype};
  if (call.c.numel() == 0) return;
  if (problem.k == 0) {
    if (call.write == GradientWrite::overwrite) compute(Fill{.y = call.c});
    return;
  }
  const OneDnn::Call scope(*primitives_,
                           static_cast<double>(problem.m) * static_cast<double>(problem.n * problem.k));
  run_matmul(*primitives_, problem, call.a.data, call.b.data, nullptr, call.c.data);
}

}  // namespace xr::kernels::cpu
