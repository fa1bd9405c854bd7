// Batch norm, ReLU and pooling.
#include "apps/xrbench/operation_list.h"

namespace xr::bench {

namespace {

using kernels::BatchNormParams;
using kernels::Pool2dParams;

constexpr BatchNormParams norm_params{};
constexpr Pool2dParams pool_params{};
constexpr auto overwrite = GradientWrite::overwrite;

Operand per_channel(const char* name, const Shape& x, Role role = Role::input,
                    Values values = Values::normal) {
  return parameter(name, {x[1]}, role, values);
}

Operand argmax(std::size_t bytes) {
  return {
      .name = "argmax", .shape = {static_cast<std::int64_t>(bytes)}, .role = Role::own, .dtype = DType::u8};
}

void add_norm(OperationList& list, const std::string& number, const Shape& x) {
  const std::vector<std::string> variants{"two_pass"};
  list.add({.name = "norm" + number + "_forward",
            .shape = times(x),
            .operands = {twice(list.activation("x", x)), per_channel("gamma", x), per_channel("beta", x),
                         per_channel("running_mean", x, Role::state),
                         per_channel("running_var", x, Role::state, Values::positive),
                         list.activation("y", x, Role::output), per_channel("mean", x, Role::output),
                         per_channel("inverse_std", x, Role::output)},
            .call =
                [](Backend& b, Views v) {
                  b.batch_norm2d_forward_training(norm_params, v[0], v[1], v[2], v[3], v[4], v[5], v[6],
                                                  v[7]);
                },
            .variants = variants});
  list.add({.name = "norm" + number + "_inference",
            .shape = times(x),
            .operands = {list.activation("x", x), per_channel("gamma", x), per_channel("beta", x),
                         per_channel("running_mean", x),
                         per_channel("running_var", x, Role::input, Values::positive),
                         list.activation("y", x, Role::output)},
            .call = [](Backend& b, Views v) {
              b.batch_norm2d_forward_inference(norm_params, v[0], v[1], v[2], v[3], v[4], v[5]);
            }});
  list.add(
      {.name = "norm" + number + "_backward",
       .shape = times(x),
       .operands = {twice(list.activation("x", x)), twice(list.activation("dy", x)), per_channel("gamma", x),
                    per_channel("mean", x, Role::own), per_channel("inverse_std", x, Role::own),
                    list.activation("dx", x, Role::output), per_channel("d_gamma", x, Role::output),
                    per_channel("d_beta", x, Role::output), per_channel("running_mean", x, Role::scratch),
                    per_channel("running_var", x, Role::scratch, Values::positive)},
       .call =
           [](Backend& b, Views v) {
             b.batch_norm2d_backward_training(v[0], v[1], v[2], v[3], v[4], v[5], overwrite, v[6], overwrite,
                                              v[7], overwrite);
           },
       // dx is free until the call, and takes the normalised values.
       .prepare =
           [](Backend& b, Views v) {
             b.batch_norm2d_forward_training(norm_params, v[0], v[2], v[9], v[8], v[9], v[5], v[3], v[4]);
           },
       .variants = variants});
}

void add_relu(OperationList& list, const std::string& number, const Shape& x) {
  list.add({.name = "relu" + number + "_forward",
            .shape = times(x),
            .operands = {list.activation("x", x), list.activation("y", x, Role::output)},
            .call = [](Backend& b, Views v) { b.relu_forward(v[0], v[1]); }});
  list.add({.name = "relu" + number + "_backward",
            .shape = times(x),
            .operands = {list.activation("y", x), list.activation("dy", x),
                         list.activation("dx", x, Role::output)},
            .call = [](Backend& b, Views v) { b.relu_backward(v[0], v[1], v[2], overwrite); }});
}

void add_pools(OperationList& list, const std::string& number, const Shape& x, const Shape& y,
               const Pool2dParams& params, std::vector<std::string> backward_variants) {
  const std::size_t argmax_bytes = list.backend.max_pool2d_argmax_bytes(params, y);
  const std::string shape = times(x) + fmt::format(", {}x{}", params.kernel_h, params.kernel_w);
  list.add(
      {.name = "max_pool" + number + "_forward",
       .shape = shape,
       .operands = {list.activation("x", x), list.activation("y", y, Role::output), argmax(argmax_bytes)},
       .call = [params](Backend& b, Views v) { b.max_pool2d_forward(params, v[0], v[1], v[2]); }});
  // dx is the input of the pooling that makes the argmax.
  Operand x_and_dx = list.activation("dx", x, Role::output);
  Operand pooled = list.activation("y", y, Role::scratch), drawn = list.activation("x", x, Role::scratch);
  list.add(
      {.name = "max_pool" + number + "_backward",
       .shape = shape,
       .operands = {list.activation("dy", y), argmax(argmax_bytes), std::move(x_and_dx), std::move(pooled),
                    std::move(drawn)},
       .call = [params](Backend& b, Views v) { b.max_pool2d_backward(params, v[0], v[1], v[2], overwrite); },
       .prepare = [params](Backend& b, Views v) { b.max_pool2d_forward(params, v[4], v[3], v[1]); },
       .variants = std::move(backward_variants)});
  list.add({.name = "avg_pool" + number + "_forward",
            .shape = shape,
            .operands = {list.activation("x", x), list.activation("y", y, Role::output)},
            .call = [params](Backend& b, Views v) { b.avg_pool2d_forward(params, v[0], v[1]); }});
  list.add({.name = "avg_pool" + number + "_backward",
            .shape = shape,
            .operands = {list.activation("dy", y), list.activation("dx", x, Role::output)},
            .call = [params](Backend& b, Views v) { b.avg_pool2d_backward(params, v[0], v[1], overwrite); }});
}

/// With 2x2 pooling, or without: y has the shape of x then, and there is no argmax (the operand is one byte).
void add_fused(OperationList& list, const std::string& number, const Shape& x, const Shape& y) {
  const bool pool = y != x;
  const auto kept = pool ? static_cast<std::size_t>(y.numel()) : 1;
  const std::string shape = times(x) + (pool ? ", 2x2" : "");
  const std::string name = "norm" + number + (pool ? "_relu_pool" : "_relu");
  const std::vector<std::string> variants{"two_pass"};
  list.add({.name = name + "_forward",
            .shape = shape,
            .operands = {twice(list.activation("x", x)), per_channel("gamma", x), per_channel("beta", x),
                         per_channel("running_mean", x, Role::state),
                         per_channel("running_var", x, Role::state, Values::positive),
                         list.activation("y", y, Role::output), argmax(kept),
                         per_channel("mean", x, Role::output), per_channel("inverse_std", x, Role::output)},
            .call =
                [pool](Backend& b, Views v) {
                  b.batch_norm2d_relu_forward_training(norm_params, pool, v[0], v[1], v[2], v[3], v[4], v[5],
                                                       pool ? v[6] : View{}, v[7], v[8]);
                },
            .variants = variants});
  // The sums of the first pass follow from y and dy; the second reads x and dy.
  Operand forward_result = list.activation("y", y, Role::own);
  list.add(
      {.name = name + "_backward",
       .shape = shape,
       .operands = {list.activation("x", x), std::move(forward_result), argmax(kept),
                    twice(list.activation("dy", y)), per_channel("gamma", x), per_channel("beta", x),
                    per_channel("mean", x, Role::own), per_channel("inverse_std", x, Role::own),
                    list.activation("dx", x, Role::output), per_channel("d_gamma", x, Role::output),
                    per_channel("d_beta", x, Role::output), per_channel("running_mean", x, Role::scratch),
                    per_channel("running_var", x, Role::scratch, Values::positive)},
       .call =
           [pool](Backend& b, Views v) {
             b.batch_norm2d_relu_backward_training(pool, v[0], v[1], pool ? v[2] : View{}, v[3], v[4], v[5],
                                                   v[6], v[7], v[8], overwrite, v[9], overwrite, v[10],
                                                   overwrite);
           },
       .prepare =
           [pool](Backend& b, Views v) {
             b.batch_norm2d_relu_forward_training(norm_params, pool, v[0], v[4], v[5], v[11], v[12], v[1],
                                                  pool ? v[2] : View{}, v[6], v[7]);
           }});
  list.add({.name = name + "_inference",
            .shape = shape,
            .operands = {list.activation("x", x), per_channel("gamma", x), per_channel("beta", x),
                         per_channel("running_mean", x),
                         per_channel("running_var", x, Role::input, Values::positive),
                         list.activation("y", y, Role::output)},
            .call = [pool](Backend& b, Views v) {
              b.batch_norm2d_relu_forward_inference(norm_params, pool, v[0], v[1], v[2], v[3], v[4], v[5]);
            }});
}

}  // namespace

void add_normalisation(OperationList& list, const std::string& number, const Shape& x) {
  const Shape y{x[0], x[1], x[2] / 2, x[3] / 2};
  if (list.backend.has_fused_batch_norm2d_relu(x, list.backend.preferred_layout(x[1]), true))
    add_fused(list, number, x, y);
  if (list.backend.has_fused_batch_norm2d_relu(x, list.backend.preferred_layout(x[1]), false))
    add_fused(list, number, x, x);
  add_norm(list, number, x);
  add_relu(list, number, x);
  add_pools(list, number, x, y, pool_params, {"elements"});
  if (number != "1") return;
  const Pool2dParams overlapping{
      .kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2, .padding_h = 1, .padding_w = 1};
  add_pools(list, "_overlapping", x, {x[0], x[1], (x[2] - 1) / 2 + 1, (x[3] - 1) / 2 + 1}, overlapping, {});
}

}  // namespace xr::bench
