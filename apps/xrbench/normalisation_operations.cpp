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
                  b.run(kernels::BatchNorm2dForwardTraining{.x = v[0],
                                                            .gamma = v[1],
                                                            .beta = v[2],
                                                            .running_mean = v[3],
                                                            .running_var = v[4],
                                                            .y = v[5],
                                                            .mean = v[6],
                                                            .inverse_std = v[7],
                                                            .params = norm_params});
                },
            .variants = variants});
  list.add({.name = "norm" + number + "_inference",
            .shape = times(x),
            .operands = {list.activation("x", x), per_channel("gamma", x), per_channel("beta", x),
                         per_channel("running_mean", x),
                         per_channel("running_var", x, Role::input, Values::positive),
                         list.activation("y", x, Role::output)},
            .call = [](Backend& b, Views v) {
              b.run(kernels::BatchNorm2dForwardInference{.x = v[0],
                                                         .gamma = v[1],
                                                         .beta = v[2],
                                                         .running_mean = v[3],
                                                         .running_var = v[4],
                                                         .y = v[5],
                                                         .params = norm_params});
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
             b.run(kernels::BatchNorm2dBackwardTraining{.x = v[0],
                                                        .dy = v[1],
                                                        .gamma = v[2],
                                                        .mean = v[3],
                                                        .inverse_std = v[4],
                                                        .dx = {v[5], overwrite},
                                                        .d_gamma = {v[6], overwrite},
                                                        .d_beta = {v[7], overwrite}});
           },
       // dx is free until the call, and takes the normalised values.
       .prepare =
           [](Backend& b, Views v) {
             b.run(kernels::BatchNorm2dForwardTraining{.x = v[0],
                                                       .gamma = v[2],
                                                       .beta = v[9],
                                                       .running_mean = v[8],
                                                       .running_var = v[9],
                                                       .y = v[5],
                                                       .mean = v[3],
                                                       .inverse_std = v[4],
                                                       .params = norm_params});
           },
       .variants = variants});
}

void add_relu(OperationList& list, const std::string& number, const Shape& x) {
  list.add({.name = "relu" + number + "_forward",
            .shape = times(x),
            .operands = {list.activation("x", x), list.activation("y", x, Role::output)},
            .call = [](Backend& b, Views v) { b.run(kernels::ReluForward{.x = v[0], .y = v[1]}); }});
  list.add({.name = "relu" + number + "_backward",
            .shape = times(x),
            .operands = {list.activation("y", x), list.activation("dy", x),
                         list.activation("dx", x, Role::output)},
            .call = [](Backend& b, Views v) {
              b.run(kernels::ReluBackward{.y = v[0], .dy = v[1], .dx = v[2], .write = overwrite});
            }});
}

void add_pools(OperationList& list, const std::string& number, const Shape& x, const Shape& y,
               const Pool2dParams& params, std::vector<std::string> backward_variants) {
  const std::size_t argmax_bytes = list.backend.max_pool2d_argmax_bytes(params, y);
  const std::string shape = times(x) + fmt::format(", {}x{}", params.kernel_h, params.kernel_w);
  list.add(
      {.name = "max_pool" + number + "_forward",
       .shape = shape,
       .operands = {list.activation("x", x), list.activation("y", y, Role::output), argmax(argmax_bytes)},
       .call = [params](Backend& b, Views v) {
         b.run(kernels::MaxPool2dForward{.x = v[0], .y = v[1], .argmax = v[2], .params = params});
       }});
  // dx is the input of the pooling that makes the argmax.
  Operand x_and_dx = list.activation("dx", x, Role::output);
  Operand pooled = list.activation("y", y, Role::scratch), drawn = list.activation("x", x, Role::scratch);
  list.add({.name = "max_pool" + number + "_backward",
            .shape = shape,
            .operands = {list.activation("dy", y), argmax(argmax_bytes), std::move(x_and_dx),
                         std::move(pooled), std::move(drawn)},
            .call =
                [params](Backend& b, Views v) {
                  b.run(kernels::MaxPool2dBackward{
                      .dy = v[0], .argmax = v[1], .dx = v[2], .params = params, .write = overwrite});
                },
            .prepare =
                [params](Backend& b, Views v) {
                  b.run(kernels::MaxPool2dForward{.x = v[4], .y = v[3], .argmax = v[1], .params = params});
                },
            .variants = std::move(backward_variants)});
  list.add({.name = "avg_pool" + number + "_forward",
            .shape = shape,
            .operands = {list.activation("x", x), list.activation("y", y, Role::output)},
            .call = [params](Backend& b, Views v) {
              b.run(kernels::AvgPool2dForward{.x = v[0], .y = v[1], .params = params});
            }});
  list.add({.name = "avg_pool" + number + "_backward",
            .shape = shape,
            .operands = {list.activation("dy", y), list.activation("dx", x, Role::output)},
            .call = [params](Backend& b, Views v) {
              b.run(kernels::AvgPool2dBackward{.dy = v[0], .dx = v[1], .params = params, .write = overwrite});
            }});
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
                  b.run(kernels::BatchNorm2dReluForwardTraining{.x = v[0],
                                                                .gamma = v[1],
                                                                .beta = v[2],
                                                                .running_mean = v[3],
                                                                .running_var = v[4],
                                                                .y = v[5],
                                                                .argmax = pool ? v[6] : View{},
                                                                .mean = v[7],
                                                                .inverse_std = v[8],
                                                                .params = norm_params,
                                                                .pool = pool});
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
             b.run(kernels::BatchNorm2dReluBackwardTraining{.x = v[0],
                                                            .y = v[1],
                                                            .argmax = pool ? v[2] : View{},
                                                            .dy = v[3],
                                                            .gamma = v[4],
                                                            .beta = v[5],
                                                            .mean = v[6],
                                                            .inverse_std = v[7],
                                                            .dx = {v[8], overwrite},
                                                            .d_gamma = {v[9], overwrite},
                                                            .d_beta = {v[10], overwrite},
                                                            .pool = pool});
           },
       .prepare =
           [pool](Backend& b, Views v) {
             b.run(kernels::BatchNorm2dReluForwardTraining{.x = v[0],
                                                           .gamma = v[4],
                                                           .beta = v[5],
                                                           .running_mean = v[11],
                                                           .running_var = v[12],
                                                           .y = v[1],
                                                           .argmax = pool ? v[2] : View{},
                                                           .mean = v[6],
                                                           .inverse_std = v[7],
                                                           .params = norm_params,
                                                           .pool = pool});
           }});
  list.add({.name = name + "_inference",
            .shape = shape,
            .operands = {list.activation("x", x), per_channel("gamma", x), per_channel("beta", x),
                         per_channel("running_mean", x),
                         per_channel("running_var", x, Role::input, Values::positive),
                         list.activation("y", y, Role::output)},
            .call = [pool](Backend& b, Views v) {
              b.run(kernels::BatchNorm2dReluForwardInference{.x = v[0],
                                                             .gamma = v[1],
                                                             .beta = v[2],
                                                             .running_mean = v[3],
                                                             .running_var = v[4],
                                                             .y = v[5],
                                                             .params = norm_params,
                                                             .pool = pool});
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
