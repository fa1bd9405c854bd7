// Dropout, losses, optimizers, augmentation, and passes over memory.
#include "apps/xrbench/operation_list.h"

namespace xr::bench {

namespace {

constexpr auto overwrite = GradientWrite::overwrite;

void add_dropout(OperationList& list, const std::string& name, const Shape& x, bool whole_channels) {
  const kernels::DropoutParams params{
      .probability = 0.25f, .whole_channels = whole_channels, .seed = 1, .stream = 2};
  list.add({.name = name,
            .shape = times(x),
            .operands = {list.activation("x", x), list.activation("y", x, Role::output)},
            .call = [params](Backend& b, Views v) {
              b.run(kernels::Dropout{.x = v[0], .y = v[1], .params = params, .write = overwrite});
            }});
}

void add_losses(OperationList& list, std::int64_t classes) {
  const std::int64_t batch = list.c.batch;
  const std::string shape = fmt::format("{}x{}", batch, classes);
  const Operand labels{.name = "labels", .shape = {batch}, .values = Values::labels, .dtype = DType::i64};
  list.add({.name = "cross_entropy_forward",
            .shape = shape,
            .operands = {parameter("logits", {batch, classes}), labels, parameter("loss", {}, Role::output),
                         parameter("log_probabilities", {batch, classes}, Role::output)},
            .call = [](Backend& b, Views v) {
              b.run(kernels::CrossEntropyForward{
                  .logits = v[0], .labels = v[1], .loss = v[2], .log_probabilities = v[3]});
            }});
  list.add({.name = "cross_entropy_backward",
            .shape = shape,
            .operands = {parameter("log_probabilities", {batch, classes}), labels, parameter("d_loss", {}),
                         parameter("d_logits", {batch, classes}, Role::output)},
            .call = [](Backend& b, Views v) {
              b.run(kernels::CrossEntropyBackward{.log_probabilities = v[0],
                                                  .labels = v[1],
                                                  .d_loss = v[2],
                                                  .d_logits = v[3],
                                                  .write = overwrite});
            }});
  const Shape rows{64 * batch, list.c.matrix / 2};
  const auto row_operation = [&](const char* name, Call call) {
    list.add({.name = name,
              .shape = times(rows),
              .operands = {list.activation("x", rows), list.activation("y", rows, Role::output)},
              .call = std::move(call)});
  };
  const auto row_gradient = [&](const char* name, Call call) {
    list.add({.name = name,
              .shape = times(rows),
              .operands = {list.activation("y", rows), list.activation("dy", rows),
                           list.activation("dx", rows, Role::output)},
              .call = std::move(call)});
  };
  row_operation("softmax_forward",
                [](Backend& b, Views v) { b.run(kernels::SoftmaxForward{.x = v[0], .y = v[1]}); });
  row_gradient("softmax_backward", [](Backend& b, Views v) {
    b.run(kernels::SoftmaxBackward{.y = v[0], .dy = v[1], .dx = v[2], .write = overwrite});
  });
  row_operation("log_softmax_forward",
                [](Backend& b, Views v) { b.run(kernels::LogSoftmaxForward{.x = v[0], .y = v[1]}); });
  row_gradient("log_softmax_backward", [](Backend& b, Views v) {
    b.run(kernels::LogSoftmaxBackward{.y = v[0], .dy = v[1], .dx = v[2], .write = overwrite});
  });
}

void add_optimizers(OperationList& list, std::int64_t count) {
  const std::string shape = fmt::format("{} parameters", count);
  list.add({.name = "adam",
            .shape = shape,
            .operands = {parameter("parameters", {count}, Role::state), parameter("gradients", {count}),
                         parameter("first_moment", {count}, Role::state),
                         parameter("second_moment", {count}, Role::state, Values::positive)},
            .call = [](Backend& b, Views v) {
              b.run(kernels::AdamStep{.gradients = v[1],
                                      .parameters = v[0],
                                      .first_moment = v[2],
                                      .second_moment = v[3],
                                      .params = {.step = 3}});
            }});
  list.add({.name = "adamw",
            .shape = shape,
            .operands = {parameter("parameters", {count}, Role::state), parameter("gradients", {count}),
                         parameter("first_moment", {count}, Role::state),
                         parameter("second_moment", {count}, Role::state, Values::positive)},
            .call = [](Backend& b, Views v) {
              b.run(kernels::AdamStep{
                  .gradients = v[1],
                  .parameters = v[0],
                  .first_moment = v[2],
                  .second_moment = v[3],
                  .params = {.weight_decay = 0.05f, .decoupled_weight_decay = true, .step = 3}});
            }});
  list.add({.name = "sgd_momentum",
            .shape = shape,
            .operands = {parameter("parameters", {count}, Role::state), parameter("gradients", {count}),
                         parameter("momentum_buffer", {count}, Role::state)},
            .call = [](Backend& b, Views v) {
              b.run(kernels::SgdStep{.gradients = v[1],
                                     .parameters = v[0],
                                     .momentum_buffer = v[2],
                                     .params = {.momentum = 0.9f, .step = 3}});
            }});
}

/// Images of `stored` x `stored` bytes to the network's input.
void add_augment(OperationList& list, const char* name, std::int64_t stored, Values records) {
  const Case& c = list.c;
  Operand y = list.activation("y", {c.batch, c.channels, c.size, c.size}, Role::output);
  if (y.layout == Layout::blocked16) y.layout = Layout::contiguous;
  kernels::AugmentParams params;
  for (int i = 0; i < kernels::AugmentParams::max_channels; ++i) {
    params.mean[i] = 0.5f;
    params.deviation[i] = 0.25f;
  }
  list.add(
      {.name = name,
       .shape = fmt::format("{} images {}x{} -> {}x{}", c.batch, stored, stored, c.size, c.size),
       .operands = {{.name = "images",
                     .shape = {c.batch, c.channels, stored, stored},
                     .values = Values::bytes,
                     .dtype = DType::u8},
                    {.name = "indices", .shape = {c.batch}, .values = Values::indices, .dtype = DType::i64},
                    {.name = "records",
                     .shape = {c.batch, sizeof(kernels::AugmentRecord)},
                     .values = records,
                     .dtype = DType::u8,
                     .image_size = stored},
                    std::move(y)},
       .call = [params](Backend& b, Views v) {
         b.run(
             kernels::Augment{.images = v[0], .indices = v[1], .records = v[2], .y = v[3], .params = params});
       }});
}

/// Passes over tensors of the first block's output.
void add_passes(OperationList& list, const Shape& x) {
  Operand other = list.activation("y", x, Role::output);
  other.layout = other.layout == Layout::contiguous ? Layout::channels_last : Layout::contiguous;
  list.add({.name = "reorder",
            .shape = times(x),
            .operands = {list.activation("x", x), std::move(other)},
            .call = [](Backend& b, Views v) { b.run(kernels::Reorder{.x = v[0], .y = v[1]}); },
            .cpu_kernel = "cpu: oneDNN",
            .variants = {"few_channels"}});
  Operand full = list.activation("x", x), half = list.activation("y", x, Role::output);
  full.dtype = DType::f32;
  half.dtype = DType::bf16;
  list.add(
      {.name = "cast_f32_to_bf16",
       .shape = times(x),
       .operands = {full, half},
       .call = [](Backend& b, Views v) { b.run(kernels::Cast{.x = v[0], .y = v[1], .write = overwrite}); }});
  std::swap(full.dtype, half.dtype);
  list.add(
      {.name = "cast_bf16_to_f32",
       .shape = times(x),
       .operands = {full, half},
       .call = [](Backend& b, Views v) { b.run(kernels::Cast{.x = v[0], .y = v[1], .write = overwrite}); }});
  list.add({.name = "fill",
            .shape = times(x),
            .operands = {list.activation("y", x, Role::output)},
            .call = [](Backend& b, Views v) { b.run(kernels::Fill{.y = v[0], .value = 0.75f}); }});
  list.add({.name = "scale",
            .shape = times(x),
            .operands = {list.activation("x", x), list.activation("y", x, Role::output)},
            .call = [](Backend& b, Views v) {
              b.run(kernels::Scale{.x = v[0], .y = v[1], .factor = 0.75f, .write = overwrite});
            }});
  const auto binary = [&](const char* name, Call call) {
    list.add({.name = name,
              .shape = times(x),
              .operands = {list.activation("a", x), list.activation("b", x),
                           list.activation("y", x, Role::output)},
              .call = std::move(call)});
  };
  binary("add", [](Backend& b, Views v) { b.run(kernels::Add{.a = v[0], .b = v[1], .y = v[2]}); });
  binary("multiply", [](Backend& b, Views v) { b.run(kernels::Multiply{.a = v[0], .b = v[1], .y = v[2]}); });
}

void add_reductions(OperationList& list, const Shape& x) {
  const std::int64_t rows = x.numel() / x[1];
  const Shape matrix{rows, x[1]};
  const auto sum = [&](const char* name, const Shape& y) {
    list.add({.name = name,
              .shape = times(matrix) + " -> " + times(y),
              .operands = {list.activation("x", matrix), parameter("y", y, Role::output)},
              .call = [](Backend& b, Views v) {
                b.run(kernels::SumToShape{.x = v[0], .y = v[1], .write = overwrite});
              }});
    list.operations.back().operands[0].values = Values::positive;  // sums that do not cancel
  };
  sum("sum_all", {});
  sum("sum_columns", {x[1]});
  sum("sum_rows", {rows, 1});
  list.add({.name = "broadcast_to",
            .shape = times({x[1]}) + " -> " + times(matrix),
            .operands = {list.activation("dy", {x[1]}), list.activation("dx", matrix, Role::output)},
            .call = [](Backend& b, Views v) {
              b.run(kernels::BroadcastTo{.dy = v[0], .dx = v[1], .scale = 0.75f, .write = overwrite});
            }});
  list.add(
      {.name = "global_avg_pool_forward",
       .shape = times(x),
       .operands = {list.activation("x", x), list.activation("y", {x[0], x[1]}, Role::output)},
       .call = [](Backend& b, Views v) { b.run(kernels::GlobalAvgPool2dForward{.x = v[0], .y = v[1]}); }});
  list.operations.back().operands[0].values = Values::positive;
  list.add({.name = "global_avg_pool_backward",
            .shape = times(x),
            .operands = {list.activation("dy", {x[0], x[1]}), list.activation("dx", x, Role::output)},
            .call = [](Backend& b, Views v) {
              b.run(kernels::GlobalAvgPool2dBackward{.dy = v[0], .dx = v[1], .write = overwrite});
            }});
}

void add_square_product(OperationList& list) {
  const std::int64_t n = list.c.matrix;
  list.add(
      {.name = "matmul",
       .shape = fmt::format("{}x{} times {}x{}", n, n, n, n),
       .operands = {list.activation("a", {n, n}), list.activation("b", {n, n}),
                    list.activation("c", {n, n}, Role::output)},
       .call = [](Backend& b,
                  Views v) { b.run(kernels::Matmul{.a = v[0], .b = v[1], .c = v[2], .write = overwrite}); },
       .operations = 2 * n * n * n,
       .is_product = true,
       .cpu_kernel = "cpu: oneDNN",
       .variants = {"strided"},
       .one_dnn = [](Views v) { return make_matmul_peer(v[0], false, v[1], false, View{}, v[2]); }});
}

}  // namespace

void add_others(OperationList& list, const Shape& features, std::int64_t hidden, std::int64_t classes,
                std::int64_t parameters) {
  add_dropout(list, "dropout", {list.c.batch, hidden}, false);
  add_dropout(list, "dropout_features", features, false);
  add_dropout(list, "dropout_whole_channels", features, true);
  add_losses(list, classes);
  add_optimizers(list, parameters);
  const std::int64_t size = list.c.size;
  add_augment(list, "augment", size + size / 8, Values::records);
  add_augment(list, "bytes_to_values", size, Values::whole_image_records);
  add_passes(list, features);
  add_reductions(list, features);
  add_square_product(list);
}

}  // namespace xr::bench
