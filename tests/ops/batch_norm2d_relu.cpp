// Batch norm with ReLU, with 2x2 max pooling behind it, and with ReLU6, at once: against the composition in the oracle.
#include "kernels/ops/batch_norm2d_relu.h"

#include <fmt/core.h>

#include "tests/ops/batch_norm_cases.h"
#include "tests/ops/batch_norm_gradients.h"
#include "tests/ops/operation.h"
#include "tests/reference/max_pool2d.h"
#include "tests/reference/relu.h"
#include "tests/reference/relu6.h"

namespace xr::tests {

namespace {

using kernels::BatchNormParams;
using kernels::Gradient;
using reference::random_normal;

/// What follows the normalisation.
enum class After : std::uint8_t { relu, relu_and_pool, relu6 };

/// What is normalised, and how.
struct Form {
  Shape x;
  DType dtype;
  Layout layout;
  After after;
  BatchNormParams params = {};
  bool pool = after == After::relu_and_pool, relu6 = after == After::relu6;
  std::int64_t others = 0;  ///< channels of x and dx behind those that are normalised

  [[nodiscard]] Shape all() const {
    Shape shape = x;
    shape[1] += others;
    return shape;
  }
  [[nodiscard]] Shape y() const { return pool ? Shape{x[0], x[1], x[2] / 2, x[3] / 2} : x; }
  [[nodiscard]] Shape channels() const { return {x[1]}; }
  [[nodiscard]] Shape argmax() const { return {y().numel()}; }
  [[nodiscard]] Call described(Call call) const {
    if (relu6) return std::move(call).with("with relu6");
    return pool ? std::move(call).with("with pooling") : std::move(call);
  }
};

Call forward_training(const Form& f) {
  return f.described(call_of(
      {input("x", f.all(), f.dtype, f.layout), input("gamma", f.channels()), input("beta", f.channels()),
       state("running_mean", f.channels()), state("running_var", f.channels()).drawn(Values::positive),
       output("y", f.y(), f.dtype, f.layout), kept("argmax", f.argmax()).only_if(f.pool),
       output("mean", f.channels()), output("inverse_std", f.channels())},
      [params = f.params, pool = f.pool, relu6 = f.relu6](Views v) {
        return kernels::BatchNorm2dReluForwardTraining{.x = v[0],
                                                       .gamma = v[1],
                                                       .beta = v[2],
                                                       .running_mean = v[3],
                                                       .running_var = v[4],
                                                       .y = v[5],
                                                       .argmax = v[6],
                                                       .mean = v[7],
                                                       .inverse_std = v[8],
                                                       .params = params,
                                                       .pool = pool,
                                                       .relu6 = relu6};
      }));
}

Call forward_inference(const Form& f) {
  return f.described(call_of(
      {input("x", f.all(), f.dtype, f.layout), input("gamma", f.channels()), input("beta", f.channels()),
       input("running_mean", f.channels()), input("running_var", f.channels()).drawn(Values::positive),
       output("y", f.y(), f.dtype, f.layout)},
      [params = f.params, pool = f.pool, relu6 = f.relu6](Views v) {
        return kernels::BatchNorm2dReluForwardInference{.x = v[0],
                                                        .gamma = v[1],
                                                        .beta = v[2],
                                                        .running_mean = v[3],
                                                        .running_var = v[4],
                                                        .y = v[5],
                                                        .params = params,
                                                        .pool = pool,
                                                        .relu6 = relu6};
      }));
}

Call backward_training(const Form& f) {
  std::vector<Operand> operands{input("x", f.all(), f.dtype, f.layout),
                                made("y", f.y(), f.dtype, f.layout),
                                made("argmax", f.argmax()).only_if(f.pool),
                                input("dy", f.y(), f.dtype, f.layout),
                                input("gamma", f.channels()),
                                input("beta", f.channels()),
                                made("mean", f.channels(), DType::f32),
                                made("inverse_std", f.channels(), DType::f32)};
  for (Operand& gradient : gradient_operands(f.x, f.dtype, f.layout)) operands.push_back(std::move(gradient));
  if (f.others > 0) operands[8] = state("dx", f.all(), f.dtype, f.layout);
  return f.described(
      call_of(std::move(operands), [pool = f.pool, relu6 = f.relu6](Views v, GradientWrite write) {
        return kernels::BatchNorm2dReluBackwardTraining{.x = v[0],
                                                        .y = v[1],
                                                        .argmax = v[2],
                                                        .dy = v[3],
                                                        .gamma = v[4],
                                                        .beta = v[5],
                                                        .mean = v[6],
                                                        .inverse_std = v[7],
                                                        .dx = Gradient{v[8], write},
                                                        .d_gamma = Gradient{v[9], write},
                                                        .d_beta = Gradient{v[10], write},
                                                        .pool = pool,
                                                        .relu6 = relu6};
      }));
}

/// relu or relu6, then 2x2 max pooling with stride 2 where that follows.
struct Tail {
  Tensor rectified, y;
  std::vector<std::int64_t> argmax;
};

Tail apply_tail(const Tensor& normalised, After after) {
  Tail tail{
      after == After::relu6 ? reference::relu6_forward(normalised) : reference::relu_forward(normalised),
      {},
      {}};
  if (after != After::relu_and_pool) {
    tail.y = tail.rectified;
    return tail;
  }
  reference::MaxPool2d pooled = reference::max_pool2d_forward({}, tail.rectified);
  tail.y = pooled.y;
  tail.argmax = pooled.argmax;
  return tail;
}

/// dy of y to the gradient of what the tail was applied to.
Tensor tail_backward(const Tail& tail, const Tensor& dy, After after) {
  if (after == After::relu6) return reference::relu6_backward(tail.rectified, dy);
  const Tensor d_rectified = after == After::relu_and_pool
                                 ? reference::max_pool2d_backward(dy, tail.argmax, tail.rectified.shape)
                                 : dy;
  return reference::relu_backward(tail.rectified, d_rectified);
}

/// Calls check(backend, form) wherever a backend has the fused operation.
template <class Check>
void for_each_form(const BatchNormCase& c, DType dtype, After after, Check&& check) {
  for_each_layout(c, dtype, [&](Backend& backend, Layout layout) {
    if (backend.has_fused_batch_norm2d_relu(c.x, layout, after == After::relu_and_pool))
      check(backend, Form{c.x, dtype, layout, after, c.params});
  });
}

/// Of relu6 many normalised values lie above 6.
BatchNormInputs inputs_of(const BatchNormCase& c, DType dtype, After after) {
  return batch_norm_inputs(c, dtype, after == After::relu6 ? 8 : 1);
}

void check_inference_of(const Checker& check, const BatchNormCase& c, DType dtype, After after) {
  const BatchNormInputs in = inputs_of(c, dtype, after);
  const Tensor normalised = reference::batch_norm2d_forward_inference(c.params, in.x, in.gamma, in.beta,
                                                                      in.running_mean, in.running_var);
  const Expected y{apply_tail(normalised, after).y, dtype, Arithmetic::transcendental, 1,
                   output_magnitude(c, normalised)};
  for_each_form(c, dtype, after, [&](Backend& backend, const Form& form) {
    check(backend, forward_inference(form)
                       .holds("x", in.x)
                       .holds("gamma", in.gamma)
                       .holds("beta", in.beta)
                       .holds("running_mean", in.running_mean)
                       .holds("running_var", in.running_var)
                       .expects("y", y));
  });
}

/// What a training step with dy behind the tail gives by the oracle.
struct TrainingStep {
  BatchNormInputs in;
  reference::BatchNorm2d normalised;
  Tail tail;
  Tensor dy, mean, inverse_std;
  reference::BatchNorm2dGradients gradients;

  TrainingStep(const BatchNormCase& c, DType dtype, After after)
      : in(inputs_of(c, dtype, after)),
        normalised(reference::batch_norm2d_forward_training(c.params, in.x, in.gamma, in.beta,
                                                            in.running_mean, in.running_var)),
        tail(apply_tail(normalised.y, after)),
        dy(to_type(random_normal(tail.y.shape, 6, 0.25), dtype)),
        mean(to_single(normalised.mean)),
        inverse_std(to_single(normalised.inverse_std)),
        gradients(reference::batch_norm2d_backward_training(in.x, tail_backward(tail, dy, after), in.gamma,
                                                            mean, inverse_std)) {}
};

/// Returns what forward_training(form) wrote.
std::vector<Tensor> check_forward(const Checker& check, Backend& backend, const BatchNormCase& c,
                                  const Form& form, const TrainingStep& step) {
  const auto expect = [](const Tensor& values, double magnitude = 0) {
    return Expected{values, DType::f32, Arithmetic::transcendental, 1, magnitude};
  };
  const double x_size = std::abs(c.mean) + c.deviation;
  return check(backend, forward_training(form)
                            .holds("x", step.in.x)
                            .holds("gamma", step.in.gamma)
                            .holds("beta", step.in.beta)
                            .holds("running_mean", step.in.running_mean)
                            .holds("running_var", step.in.running_var)
                            .expects("y", expect(step.tail.y, output_magnitude(c, step.normalised.y)))
                            .expects("mean", expect(step.normalised.mean, x_size))
                            .expects("inverse_std", expect(step.normalised.inverse_std))
                            .expects("running_mean", expect(step.normalised.running_mean, x_size))
                            .expects("running_var", expect(step.normalised.running_var)));
}

void check_training_of(const Checker& check, const BatchNormCase& c, DType dtype, After after) {
  const TrainingStep step(c, dtype, after);
  for_each_form(c, dtype, after, [&](Backend& backend, const Form& form) {
    // running_mean, running_var, y, argmax, mean, inverse_std
    const std::vector<Tensor> results = check_forward(check, backend, c, form, step);
    Call backward = expect_gradients(backward_training(form)
                                         .holds("x", step.in.x)
                                         .holds("y", results[2])
                                         .holds("argmax", results[3])
                                         .holds("dy", step.dy)
                                         .holds("gamma", step.in.gamma)
                                         .holds("beta", step.in.beta)
                                         .holds("mean", step.mean)
                                         .holds("inverse_std", step.inverse_std),
                                     c, step.in, step.gradients, step.inverse_std, step.dy);
    // The sum may be of products with y as it was rounded, which for bf16 is 2^13 times as coarse as f32's
    // bound.
    if (form.pool && dtype == DType::bf16) backward.operand("d_gamma").expected->terms *= 8192.0 * 8192.0;
    check(backend, backward);
  });
}

struct LeadingCase {
  BatchNormCase norm;
  std::int64_t others;
  std::string name = norm.name;
};

std::vector<LeadingCase> leading_cases() {
  return {{{.name = "blocks", .x = {2, 16, 9, 5}}, 32},
          {{.name = "odd_channels", .x = {3, 5, 7, 3}, .mean = 0.5, .deviation = 0.25}, 4},
          {{.name = "one_channel_of_two", .x = {3, 1, 6, 4}}, 1},
          {{.name = "one_pixel", .x = {9, 16, 1, 1}}, 16},
          {{.name = "wide_channels", .x = {2, 96, 5, 4}, .mean = -1, .deviation = 2}, 32},
          {{.name = "many_rows", .x = {5, 16, 61, 47}}, 16}};
}

/// The channels of x, and `others` behind them that hold `value`.
Tensor widened(const Tensor& x, std::int64_t others, double value) {
  Tensor all({x.shape[0], x.shape[1] + others, x.shape[2], x.shape[3]}, value);
  const std::int64_t image = x.size() / x.shape[0], wide_image = all.size() / x.shape[0];
  for (std::int64_t i = 0; i < x.size(); ++i) all[i / image * wide_image + i % image] = x[i];
  return all;
}

/// The other channels of x are NaN, so nothing may read them; those of dx stay as they are.
void check_leading_backward(const Checker& check, Backend& backend, const LeadingCase& c, const Form& form,
                            const TrainingStep& step, const std::vector<Tensor>& results) {
  const Tensor before = to_type(random_normal(form.all(), 9, 0, 0.25), form.dtype);
  for (const bool adds : {false, true}) {
    Call call = expect_gradients(backward_training(form)
                                     .holds("x", widened(step.in.x, c.others, std::nan("")))
                                     .holds("y", results[2])
                                     .holds("dy", step.dy)
                                     .holds("gamma", step.in.gamma)
                                     .holds("beta", step.in.beta)
                                     .holds("mean", step.mean)
                                     .holds("inverse_std", step.inverse_std)
                                     .holds("dx", before)
                                     .holds("d_gamma", Tensor(form.channels(), 0.0))
                                     .holds("d_beta", Tensor(form.channels(), 0.0)),
                                 c.norm, step.in, step.gradients, step.inverse_std, step.dy);
    Tensor dx = widened(step.gradients.dx, c.others, 0);
    const Tensor kept = widened(Tensor(form.x, adds ? 1 : 0), c.others, 1);
    for (std::int64_t i = 0; i < dx.size(); ++i) dx[i] += kept[i] * before[i];
    call.operand("dx").expected->values = dx;
    if (adds)
      call.run = [run = call.run](Backend& on, Views v, GradientWrite) {
        run(on, v, GradientWrite::accumulate);
      };
    call.accumulates = false;
    check(backend, std::move(call).with(adds ? "added" : "written"));
  }
}

void check_leading(const Checker& check, const LeadingCase& c) {
  for (const DType dtype : test_types()) {
    const TrainingStep step(c.norm, dtype, After::relu);
    const Tensor running = reference::batch_norm2d_forward_inference(
        c.norm.params, step.in.x, step.in.gamma, step.in.beta, step.in.running_mean, step.in.running_var);
    for_each_layout(c.norm, dtype, [&](Backend& backend, Layout layout) {
      Form form{c.norm.x, dtype, layout, After::relu, c.norm.params};
      form.others = c.others;
      if (layout == Layout::blocked16 && form.all()[1] % 16 != 0) return;
      if (!backend.has_fused_batch_norm2d_relu(form.all(), layout, false)) return;
      const Tensor x = widened(step.in.x, c.others, std::nan(""));
      check(backend, forward_inference(form)
                         .holds("x", x)
                         .holds("gamma", step.in.gamma)
                         .holds("beta", step.in.beta)
                         .holds("running_mean", step.in.running_mean)
                         .holds("running_var", step.in.running_var)
                         .expects("y", {apply_tail(running, After::relu).y, dtype, Arithmetic::transcendental,
                                        1, output_magnitude(c.norm, running)}));
      TrainingStep wide = step;
      wide.in.x = x;
      check_leading_backward(check, backend, c, form, step,
                             check_forward(check, backend, c.norm, form, wide));
    });
  }
}

using CheckOne = void (*)(const Checker&, const BatchNormCase&, DType, After);

/// The cases that the fused operations can take.
Suite<Checker> fused(std::string title, After after, CheckOne check_one) {
  std::vector<BatchNormCase> cases;
  const bool pool = after == After::relu_and_pool, relu6 = after == After::relu6;
  for (const BatchNormCase& c : batch_norm_cases()) {
    if (c.x.rank() != 4 || (pool && (c.x[2] < 2 || c.x[3] < 2))) continue;
    // Of millions of values one lies within rounding of 6.
    if (relu6 && c.x == large_activation) continue;
    cases.push_back(c);
  }
  return checks_of(std::move(title), cases, [=](const Checker& check, const BatchNormCase& c) {
    for (const DType dtype : test_types()) check_one(check, c, dtype, after);
  });
}

void add_benchmarks_of(Benchmarks& list, const BatchNorm2dLayer& layer, After after) {
  const Form form{layer.x, list.setting.activation, list.layout_of(layer.x), after};
  if (!list.backend.has_fused_batch_norm2d_relu(form.x, form.layout, form.pool)) return;
  const std::string name = layer.name + (form.pool ? ".pool" : "");
  Call forward = forward_training(form);
  forward.variants = {"two_pass"};
  list.add(name, std::move(forward));
  Call backward = backward_training(form);
  backward.operands.push_back(scratch("running_mean", form.channels()));
  backward.operands.push_back(scratch("running_var", form.channels()).drawn(Values::positive));
  backward.prepare = [pool = form.pool](Backend& backend, Views v) {
    backend.run(kernels::BatchNorm2dReluForwardTraining{.x = v[0],
                                                        .gamma = v[4],
                                                        .beta = v[5],
                                                        .running_mean = v[11],
                                                        .running_var = v[12],
                                                        .y = v[1],
                                                        .argmax = v[2],
                                                        .mean = v[6],
                                                        .inverse_std = v[7],
                                                        .pool = pool});
  };
  list.add(name, std::move(backward));
  list.add(name, forward_inference(form));
}

void add_benchmarks(Benchmarks& list) {
  for (const BatchNorm2dLayer& layer : list.layers.norms)
    for (const After after : {After::relu_and_pool, After::relu}) add_benchmarks_of(list, layer, after);
}

std::vector<BatchNormCase> gradient_cases() {
  std::vector<BatchNormCase> cases = batch_norm_cases();
  std::erase_if(cases, [](const BatchNormCase& c) { return c.x.numel() > 20000; });
  return cases;
}

}  // namespace

Operation describe_batch_norm2d_relu() {
  return {
      .name = "batch_norm2d_relu",
      .checks = {fused("batch_norm2d_relu in training", After::relu, check_training_of),
                 fused("batch_norm2d_relu with pooling in training", After::relu_and_pool, check_training_of),
                 fused("batch_norm2d_relu in inference", After::relu, check_inference_of),
                 fused("batch_norm2d_relu with pooling in inference", After::relu_and_pool,
                       check_inference_of),
                 fused("batch_norm2d_relu6 in training", After::relu6, check_training_of),
                 fused("batch_norm2d_relu6 in inference", After::relu6, check_inference_of),
                 checks_of("batch_norm2d_relu of the first channels of a wider tensor", leading_cases(),
                           check_leading)},
      .gradients = {gradients_of(
          "gradcheck batch_norm2d_relu with and without pooling, and batch_norm2d_relu6", gradient_cases(),
          check_batch_norm2d_relu_gradients)},
      .benchmarks = add_benchmarks};
}

}  // namespace xr::tests
