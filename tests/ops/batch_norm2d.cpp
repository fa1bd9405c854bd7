// Batch norm in training and with running statistics.
#include "kernels/ops/batch_norm2d.h"

#include <fmt/core.h>

#include "engine/ops/batch_norm2d.h"
#include "tests/ops/batch_norm_cases.h"
#include "tests/ops/batch_norm_gradients.h"
#include "tests/ops/configured.h"
#include "tests/ops/guarded_buffer.h"
#include "tests/ops/operation.h"

namespace xr::tests {

namespace {

using kernels::BatchNormParams;
using kernels::Gradient;
using reference::random_normal;

Call forward_training(const Shape& x, DType dtype, Layout layout, const BatchNormParams& params) {
  const Shape channels{x[1]};
  return call_of({input("x", x, dtype, layout), input("gamma", channels), input("beta", channels),
                  state("running_mean", channels), state("running_var", channels).drawn(Values::positive),
                  output("y", x, dtype, layout), output("mean", channels), output("inverse_std", channels)},
                 [params](Views v) {
                   return kernels::BatchNorm2dForwardTraining{.x = v[0],
                                                              .gamma = v[1],
                                                              .beta = v[2],
                                                              .running_mean = v[3],
                                                              .running_var = v[4],
                                                              .y = v[5],
                                                              .mean = v[6],
                                                              .inverse_std = v[7],
                                                              .params = params};
                 });
}

Call forward_inference(const Shape& x, DType dtype, Layout layout, const BatchNormParams& params) {
  const Shape channels{x[1]};
  return call_of({input("x", x, dtype, layout), input("gamma", channels), input("beta", channels),
                  input("running_mean", channels), input("running_var", channels).drawn(Values::positive),
                  output("y", x, dtype, layout)},
                 [params](Views v) {
                   return kernels::BatchNorm2dForwardInference{.x = v[0],
                                                               .gamma = v[1],
                                                               .beta = v[2],
                                                               .running_mean = v[3],
                                                               .running_var = v[4],
                                                               .y = v[5],
                                                               .params = params};
                 });
}

using Writes = std::array<GradientWrite, 3>;

/// `writes`: the modes of dx, d_gamma and d_beta; without, all have that of the call.
Call backward_training(const Shape& x, DType dtype, Layout layout, std::optional<Writes> writes = {}) {
  const Shape channels{x[1]};
  std::vector<Operand> operands{input("x", x, dtype, layout), input("dy", x, dtype, layout),
                                input("gamma", channels), made("mean", channels, DType::f32),
                                made("inverse_std", channels, DType::f32)};
  for (Operand& gradient : gradient_operands(x, dtype, layout)) operands.push_back(std::move(gradient));
  return call_of(std::move(operands), [writes](Views v, GradientWrite all) {
    const Writes w = writes.value_or(Writes{all, all, all});
    return kernels::BatchNorm2dBackwardTraining{.x = v[0],
                                                .dy = v[1],
                                                .gamma = v[2],
                                                .mean = v[3],
                                                .inverse_std = v[4],
                                                .dx = Gradient{v[5], w[0]},
                                                .d_gamma = Gradient{v[6], w[1]},
                                                .d_beta = Gradient{v[7], w[2]}};
  });
}

Call backward_inference(const Shape& x, DType dtype, Layout layout, const BatchNormParams& params,
                        const std::array<bool, 3>& wanted) {
  const Shape channels{x[1]};
  std::vector<Operand> operands{input("x", x, dtype, layout), input("dy", x, dtype, layout),
                                input("gamma", channels), input("running_mean", channels),
                                input("running_var", channels)};
  for (Operand& gradient : gradient_operands(x, dtype, layout, wanted))
    operands.push_back(std::move(gradient));
  return call_of(std::move(operands), [params](Views v, GradientWrite write) {
    return kernels::BatchNorm2dBackwardInference{.x = v[0],
                                                 .dy = v[1],
                                                 .gamma = v[2],
                                                 .running_mean = v[3],
                                                 .running_var = v[4],
                                                 .dx = Gradient{v[5], write},
                                                 .d_gamma = Gradient{v[6], write},
                                                 .d_beta = Gradient{v[7], write},
                                                 .params = params};
  });
}

void check_forward_training_of(const Checker& check, const BatchNormCase& c, DType dtype) {
  const BatchNormInputs in = batch_norm_inputs(c, dtype);
  const reference::BatchNorm2d expected = reference::batch_norm2d_forward_training(
      c.params, in.x, in.gamma, in.beta, in.running_mean, in.running_var);
  const auto per_channel = [](const Tensor& values, double magnitude = 0) {
    return Expected{values, DType::f32, Arithmetic::transcendental, 1, magnitude};
  };
  const double x_size = std::abs(c.mean) + c.deviation;
  for_each_layout(c, dtype, [&](Backend& backend, Layout layout) {
    check(backend, forward_training(c.x, dtype, layout, c.params)
                       .holds("x", in.x)
                       .holds("gamma", in.gamma)
                       .holds("beta", in.beta)
                       .holds("running_mean", in.running_mean)
                       .holds("running_var", in.running_var)
                       .expects("y", {expected.y, dtype, Arithmetic::transcendental, 1,
                                      output_magnitude(c, expected.y)})
                       .expects("mean", per_channel(expected.mean, x_size))
                       .expects("inverse_std", per_channel(expected.inverse_std))
                       .expects("running_mean", per_channel(expected.running_mean, x_size))
                       .expects("running_var", per_channel(expected.running_var)));
  });
}

void check_forward_training(const Checker& check, const BatchNormCase& c) {
  for (const DType dtype : test_types()) check_forward_training_of(check, c, dtype);
}

void check_forward_inference(const Checker& check, const BatchNormCase& c) {
  for (const DType dtype : test_types()) {
    const BatchNormInputs in = batch_norm_inputs(c, dtype);
    const Tensor y = reference::batch_norm2d_forward_inference(c.params, in.x, in.gamma, in.beta,
                                                               in.running_mean, in.running_var);
    for_each_layout(c, dtype, [&](Backend& backend, Layout layout) {
      check(backend, forward_inference(c.x, dtype, layout, c.params)
                         .holds("x", in.x)
                         .holds("gamma", in.gamma)
                         .holds("beta", in.beta)
                         .holds("running_mean", in.running_mean)
                         .holds("running_var", in.running_var)
                         .expects("y", {y, dtype, Arithmetic::transcendental, 1, output_magnitude(c, y)}));
    });
  }
}

/// What the gradients in training are computed from, and the oracle's.
struct TrainingGradients {
  BatchNormInputs in;
  Tensor dy, mean, inverse_std;
  reference::BatchNorm2dGradients expected;

  TrainingGradients(const BatchNormCase& c, DType dtype, double dy_mean)
      : in(batch_norm_inputs(c, dtype)), dy(to_type(random_normal(c.x, 6, dy_mean), dtype)) {
    const reference::BatchStatistics batch = reference::batch_statistics(in.x);
    mean = to_single(batch.mean);
    inverse_std = to_single(reference::inverse_standard_deviation(c.params, batch.variance));
    expected = reference::batch_norm2d_backward_training(in.x, dy, in.gamma, mean, inverse_std);
  }

  [[nodiscard]] Call filled(Call call, const BatchNormCase& c) const {
    return expect_gradients(std::move(call)
                                .holds("x", in.x)
                                .holds("dy", dy)
                                .holds("gamma", in.gamma)
                                .holds("mean", mean)
                                .holds("inverse_std", inverse_std),
                            c, in, expected, inverse_std, dy);
  }
};

void check_backward_training(const Checker& check, const BatchNormCase& c) {
  for (const DType dtype : test_types()) {
    const TrainingGradients gradients(c, dtype, 0.25);
    for_each_layout(c, dtype, [&](Backend& backend, Layout layout) {
      check(backend, gradients.filled(backward_training(c.x, dtype, layout), c));
    });
  }
}

/// `wanted`: which of dx, d_gamma and d_beta are defined.
void check_backward_inference_of(const Checker& check, const BatchNormCase& c, DType dtype,
                                 const std::array<bool, 3>& wanted) {
  const BatchNormInputs in = batch_norm_inputs(c, dtype);
  const Tensor dy = to_type(random_normal(c.x, 6, 0.25), dtype);
  const reference::BatchNorm2dGradients expected = reference::batch_norm2d_backward_inference(
      c.params, in.x, dy, in.gamma, in.running_mean, in.running_var);
  const Tensor inverse_std = reference::inverse_standard_deviation(c.params, in.running_var);
  for_each_layout(c, dtype, [&](Backend& backend, Layout layout) {
    // The distance of a value to the running mean, in running deviations, is not near 1 as in the batch.
    constexpr double gamma_growth = 3;
    check(backend, expect_gradients(backward_inference(c.x, dtype, layout, c.params, wanted)
                                        .holds("x", in.x)
                                        .holds("dy", dy)
                                        .holds("gamma", in.gamma)
                                        .holds("running_mean", in.running_mean)
                                        .holds("running_var", in.running_var),
                                    c, in, expected, inverse_std, dy, gamma_growth));
  });
}

void check_backward_inference(const Checker& check, const BatchNormCase& c) {
  for (const DType dtype : test_types()) check_backward_inference_of(check, c, dtype, {true, true, true});
}

const BatchNormCase& one_image() {
  return batch_norm_cases()[2];
}

struct WantedCase {
  std::string name;
  std::array<bool, 3> wanted;
};

void check_some_gradients(const Checker& check, const WantedCase& c) {
  for (const DType dtype : test_types()) check_backward_inference_of(check, one_image(), dtype, c.wanted);
}

struct WritesCase {
  std::string name;
  const char* accumulated;
  Writes writes;
};

void check_own_writes(const Checker& check, const WritesCase& w) {
  const BatchNormCase& c = one_image();
  const TrainingGradients gradients(c, DType::f32, 0);
  for (Backend* backend : test_backends()) {
    Call call = gradients.filled(backward_training(c.x, DType::f32, Layout::contiguous, w.writes), c);
    Operand& sum = call.operand(w.accumulated);
    Tensor before = random_normal(sum.shape, 7);
    for (std::int64_t i = 0; i < before.size(); ++i) sum.expected->values[i] += before[i];
    sum.contents = std::make_shared<const Tensor>(std::move(before));
    check.overwriting(*backend, call);
  }
}

void check_refusals(const Checker& check, const ShapeCase& c) {
  for (Backend* backend : test_backends()) {
    const Call call = forward_training(c.shape, DType::f32, Layout::contiguous, {});
    std::vector<std::unique_ptr<GuardedBuffer>> buffers;
    std::vector<View> views;
    for (const Operand& operand : call.operands) {
      buffers.push_back(
          std::make_unique<GuardedBuffer>(*backend, operand.shape, operand.dtype, operand.layout));
      buffers.back()->write(Tensor(operand.shape, 1.0));
      views.push_back(buffers.back()->view());
    }
    check.refuses(*backend, call.describe(), [&] { call.run(*backend, views, GradientWrite::overwrite); });
  }
}

/// The variants of a kernel that are not in use, held to the same tolerances.
void check_two_passes(const Checker& check, const BatchNormCase& c) {
  for (Backend* backend : test_backends()) {
    const BackendOptions options{.variant = "two_pass"};
    if (backend->name() == "cpu" || !Configured::possible(*backend, options)) continue;
    const Configured configured(*backend, options);
    for (const DType dtype : test_types()) check_forward_training_of(check, c, dtype);
    // Every backend runs the large case, but the executor, which would take long.
    check.that(configured.ran("two_pass") || !is_fast_enough(*backend, c.x.numel()),
               fmt::format("{} ran {}", backend->name(), configured.kernels()));
  }
}

void add_benchmarks(Benchmarks& list) {
  const DType dtype = list.setting.activation;
  for (const BatchNorm2dLayer& layer : list.layers.norms) {
    const Layout layout = list.layout_of(layer.x);
    Call forward = forward_training(layer.x, dtype, layout, {});
    forward.variants = {"two_pass"};
    list.add(layer.name, std::move(forward));
    list.add(layer.name, forward_inference(layer.x, dtype, layout, {}));
    // A forward pass makes mean and inverse_std; dx is free until the call, and takes the normalised values.
    Call backward = backward_training(layer.x, dtype, layout);
    const Shape channels{layer.x[1]};
    backward.operands.push_back(scratch("running_mean", channels));
    backward.operands.push_back(scratch("running_var", channels).drawn(Values::positive));
    backward.prepare = [](Backend& backend, Views v) {
      backend.run(kernels::BatchNorm2dForwardTraining{.x = v[0],
                                                      .gamma = v[2],
                                                      .beta = v[9],
                                                      .running_mean = v[8],
                                                      .running_var = v[9],
                                                      .y = v[5],
                                                      .mean = v[3],
                                                      .inverse_std = v[4]});
    };
    backward.variants = {"two_pass"};
    list.add(layer.name, std::move(backward));
  }
}

std::vector<BatchNormCase> gradient_cases() {
  std::vector<BatchNormCase> cases = batch_norm_cases();
  std::erase_if(cases, [](const BatchNormCase& c) { return c.x.numel() > 100000; });
  return cases;
}

}  // namespace

Operation describe_batch_norm2d() {
  constexpr auto overwrite = GradientWrite::overwrite, accumulate = GradientWrite::accumulate;
  const std::vector<WantedCase> wanted{{"gradient_of_x", {true, false, false}},
                                       {"gradients_of_parameters", {false, true, true}},
                                       {"gradient_of_beta", {false, false, true}},
                                       {"gradients_of_x_and_gamma", {true, true, false}}};
  const std::vector<WritesCase> writes{{"accumulated_dx", "dx", {accumulate, overwrite, overwrite}},
                                       {"accumulated_d_gamma", "d_gamma", {overwrite, accumulate, overwrite}},
                                       {"accumulated_d_beta", "d_beta", {overwrite, overwrite, accumulate}}};
  return {
      .name = "batch_norm2d",
      .checks = {checks_of("batch_norm2d forward in training", batch_norm_cases(), check_forward_training),
                 checks_of("batch_norm2d forward in inference", batch_norm_cases(), check_forward_inference),
                 checks_of("batch_norm2d backward in training", batch_norm_cases(), check_backward_training),
                 checks_of("batch_norm2d backward in inference", batch_norm_cases(),
                           check_backward_inference),
                 checks_of("batch_norm2d backward in inference without some of the gradients", wanted,
                           check_some_gradients),
                 checks_of("batch_norm2d gradients have write modes of their own", writes, check_own_writes),
                 checks_of("batch_norm2d refuses one value per channel in training",
                           named({{1, 16, 1, 1}, {1, 5}}), check_refusals),
                 checks_of("batch_norm2d statistics in two passes", batch_norm_cases(), check_two_passes)},
      .gradients = {gradients_of("gradcheck batch_norm2d", gradient_cases(), check_batch_norm2d_gradients)},
      .benchmarks = add_benchmarks};
}

}  // namespace xr::tests
