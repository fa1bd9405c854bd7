// linear_forward: y (N, out) = x (N, in) weight^T + bias; weight (out, in), all row-major, f32 or bf16.
//
// oneDNN's matmul copies its second operand into another order first. A large weight is therefore passed as
// the first one: y^T = weight x^T, and the small y^T is transposed afterwards. Measured for in = 193600,
// out = 600 (465 MB; one thread, Zen 5, GFLOP/s):
//
//   N                   4     16     32     60    128
//   x weight^T         35     94    142    162    186
//   (weight x^T)^T     34    123    188    194    199
//
// Of the bound: 60 rows need 13.9 GFLOP (about 230 GFLOP/s and thread) and one reading of the weight.
#include "kernels/common/bf16.h"
#include "kernels/common/checks.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/matmul.h"

namespace xr::kernels::cpu {
namespace {

constexpr std::int64_t large_weight = std::int64_t{1} << 20;

template <class Y>
void forward_transposed(OneDnn& one_dnn, const LinearForward& call) {
  const std::int64_t batch = call.x.shape[0], in = call.x.shape[1], out = call.weight.shape[0];
  float* const transposed = one_dnn.temporary(Temporary::transposed, batch * out);
  run_matmul(one_dnn,
             {.m = out, .n = batch, .k = in, .transpose_b = true, .a = call.weight.dtype, .b = call.x.dtype},
             call.weight.data, call.x.data, nullptr, transposed);
  const float* bias = call.bias.as<float>();
  for (std::int64_t n = 0; n < batch; ++n)
    for (std::int64_t o = 0; o < out; ++o)
      call.y.as<Y>()[n * out + o] =
          from_float<Y>(transposed[o * batch + n] + (bias == nullptr ? 0.0f : bias[o]));
}

}  // namespace

void CpuBackend::compute(const LinearForward& call) {
  const std::int64_t batch = call.x.shape[0], in = call.x.shape[1], out = call.weight.shape[0];
  if (call.y.numel() == 0) return;
  const OneDnn::Call scope(*primitives_, static_cast<double>(batch) * static_cast<double>(in * out));
  if (batch <= out && in * out >= large_weight)
    return with_activation_type(call.name, call.y.dtype,
                                [&](auto type) { forward_transposed<decltype(type)>(*primitives_, call); });
  run_matmul(*primitives_,
             {.m = batch,
              .n = out,
              .k = in,
              .transpose_b = true,
              .has_bias = call.bias.defined(),
              .a = call.x.dtype,
              .b = call.weight.dtype,
              .c = call.y.dtype},
             call.x.data, call.weight.data, call.bias.as<float>(), call.y.data);
}

}  // namespace xr::kernels::cpu
