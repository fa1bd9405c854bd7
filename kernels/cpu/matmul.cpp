// matmul: c (M, N) = or += op(a) op(b), row-major f32; oneDNN's matmul with the transposes as strides and the
// accumulation as a post-operation.
#include "kernels/cpu/matmul.h"

#include <algorithm>

#include "kernels/cpu/checks.h"
#include "kernels/cpu/cpu_backend.h"

namespace xr::kernels::cpu {
namespace {

dnnl::memory::desc matrix(std::int64_t rows, std::int64_t columns, bool transposed) {
  using dnnl::memory;
  return transposed ? memory::desc({rows, columns}, memory::data_type::f32, memory::dims{1, rows})
                    : memory::desc({rows, columns}, memory::data_type::f32, memory::dims{columns, 1});
}

}  // namespace

void run_matmul(OneDnn& one_dnn, const MatmulProblem& problem, const float* a, const float* b,
                const float* bias, float* c) {
  const auto& p = problem;
  const bool accumulate = p.write == GradientWrite::accumulate;
  with_onednn_errors(
      "matmul", [&] { return fmt::format("({} x {}) ({} x {})", p.m, p.k, p.k, p.n); },
      [&] {
        const dnnl::memory::desc a_layout = matrix(p.m, p.k, p.transpose_a);
        const dnnl::memory::desc b_layout = matrix(p.k, p.n, p.transpose_b);
        const dnnl::memory::desc c_layout = matrix(p.m, p.n, false);
        const dnnl::memory::desc bias_layout = matrix(1, p.n, false);
        CachedPrimitive& primitive = one_dnn.get(
            Operation::matmul, {p.m, p.n, p.k, p.transpose_a, p.transpose_b, p.has_bias, accumulate}, [&] {
              dnnl::primitive_attr attributes;
              attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
              if (accumulate) {
                dnnl::post_ops add;
                add.append_sum(1.0f);
                attributes.set_post_ops(add);
              }
              const dnnl::matmul::desc operation =
                  p.has_bias ? dnnl::matmul::desc(a_layout, b_layout, bias_layout, c_layout)
                             : dnnl::matmul::desc(a_layout, b_layout, c_layout);
              const dnnl::matmul::primitive_desc descriptor(operation, attributes, one_dnn.engine());
              return CachedPrimitive(dnnl::matmul(descriptor), descriptor);
            });
        std::vector<Argument> arguments{Argument::input(DNNL_ARG_SRC, a_layout, a),
                                        Argument::input(DNNL_ARG_WEIGHTS, b_layout, b),
                                        Argument::output(DNNL_ARG_DST, c_layout, c)};
        if (p.has_bias) arguments.push_back(Argument::input(DNNL_ARG_BIAS, bias_layout, bias));
        one_dnn.run(primitive, arguments);
      });
}

void CpuBackend::compute(const Matmul& call) {
  require_f32(call.name, "a", call.a);
  require_f32(call.name, "b", call.b);
  require_f32(call.name, "c", call.c);
  const MatmulProblem problem{.m = call.m(),
                              .n = call.n(),
                              .k = call.k(),
                              .transpose_a = call.transpose_a,
                              .transpose_b = call.transpose_b,
                              .write = call.write};
  if (call.c.numel() == 0) return;
  if (problem.k == 0) {
    if (call.write == GradientWrite::overwrite) std::fill_n(call.c.as<float>(), call.c.numel(), 0.0f);
    return;
  }
  const OneDnn::Call scope(*primitives_,
                           static_cast<double>(problem.m) * static_cast<double>(problem.n * problem.k));
  run_matmul(*primitives_, problem, call.a.as<float>(), call.b.as<float>(), nullptr, call.c.as<float>());
}

}  // namespace xr::kernels::cpu
