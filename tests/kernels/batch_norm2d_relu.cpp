// The fused operations against the composition of batch norm, relu and max pooling in the oracle.
#include <catch2/catch.hpp>

#include "tests/kernels/batch_norm_inputs.h"
#include "tests/reference/max_pool2d.h"
#include "tests/reference/relu.h"

using namespace xr;
using namespace xr::tests;

namespace {

/// relu, then 2x2 max pooling with stride 2 if `pool`.
struct Tail {
  Tensor rectified, y;
  std::vector<std::int64_t> argmax;
};

Tail apply_tail(const Tensor& normalised, bool pool) {
  Tail tail{reference::relu_forward(normalised), {}, {}};
  if (!pool) {
    tail.y = tail.rectified;
    return tail;
  }
  reference::MaxPool2d pooled = reference::max_pool2d_forward({}, tail.rectified);
  tail.y = pooled.y;
  tail.argmax = pooled.argmax;
  return tail;
}

/// dy of y to the gradient of what the tail was applied to.
Tensor tail_backward(const Tail& tail, const Tensor& dy, bool pool) {
  const Tensor d_rectified =
      pool ? reference::max_pool2d_backward(dy, tail.argmax, tail.rectified.shape) : dy;
  return reference::relu_backward(tail.rectified, d_rectified);
}

/// How an operation is called: with pooling or without, and the type of its activations.
struct Form {
  bool pool;
  DType dtype;
};

std::string describe(const char* operation, const BatchNormCase& c, Layout layout, const Form& form) {
  return fmt::format("{}{} of {}, x {}", operation, form.pool ? " with pooling" : "", c.name,
                     tests::describe(c.x, layout, form.dtype));
}

/// Calls check(backend, layout) wherever a backend has the fused operation; returns how often.
template <class Check>
int for_each_fused_layout(const BatchNormCase& c, const Form& form, Check&& check) {
  int checked = 0;
  for_each_layout(c, form.dtype, [&](Backend& backend, Layout layout) {
    if (!backend.has_fused_batch_norm2d_relu(c.x, layout, form.pool)) return;
    check(backend, layout);
    ++checked;
  });
  return checked;
}

int check_inference(const BatchNormCase& c, const Form& form) {
  const BatchNormInputs in = batch_norm_inputs(c, form.dtype);
  const Tensor normalised = reference::batch_norm2d_forward_inference(c.params, in.x, in.gamma, in.beta,
                                                                      in.running_mean, in.running_var);
  const Expected y{apply_tail(normalised, form.pool).y, form.dtype, Arithmetic::transcendental, 1,
                   output_magnitude(c, normalised)};
  return for_each_fused_layout(c, form, [&](Backend& backend, Layout layout) {
    const Operation operation{backend,
                              describe("batch_norm2d_relu_forward_inference", c, layout, form),
                              {{"x", in.x, layout, form.dtype},
                               {"gamma", in.gamma},
                               {"beta", in.beta},
                               {"running_mean", in.running_mean},
                               {"running_var", in.running_var}},
                              {{"y", y, layout}}};
    check_operation(operation, [&](Inputs i, Outputs o) {
      backend.run(kernels::BatchNorm2dReluForwardInference{.x = i[0],
                                                           .gamma = i[1],
                                                           .beta = i[2],
                                                           .running_mean = i[3],
                                                           .running_var = i[4],
                                                           .y = o[0],
                                                           .params = c.params,
                                                           .pool = form.pool});
    });
  });
}

/// Returns y and argmax as the backend computed them.
std::vector<Tensor> check_forward(Backend& backend, const BatchNormCase& c, Layout layout, const Form& form,
                                  const BatchNormInputs& in, const reference::BatchNorm2d& normalised,
                                  const Tail& tail) {
  const auto expect = [](const Tensor& values, double magnitude = 0) {
    return Expected{values, DType::f32, Arithmetic::transcendental, 1, magnitude};
  };
  const double x_size = std::abs(c.mean) + c.deviation;
  Operation operation{backend,
                      describe("batch_norm2d_relu_forward_training", c, layout, form),
                      {{"x", in.x, layout, form.dtype}, {"gamma", in.gamma}, {"beta", in.beta}},
                      {}};
  operation.outputs = {
      {"y", {tail.y, form.dtype, Arithmetic::transcendental, 1, output_magnitude(c, normalised.y)}, layout},
      {"argmax",
       {Tensor(Shape{tail.y.size()}), DType::u8},
       Layout::contiguous,
       std::nullopt,
       false,
       form.pool},
      {"mean", expect(normalised.mean, x_size)},
      {"inverse_std", expect(normalised.inverse_std)},
      {"running_mean", expect(normalised.running_mean, x_size), Layout::contiguous, in.running_mean},
      {"running_var", expect(normalised.running_var), Layout::contiguous, in.running_var},
  };
  return check_operation(operation, [&](Inputs i, Outputs o) {
    backend.run(kernels::BatchNorm2dReluForwardTraining{.x = i[0],
                                                        .gamma = i[1],
                                                        .beta = i[2],
                                                        .running_mean = o[4],
                                                        .running_var = o[5],
                                                        .y = o[0],
                                                        .argmax = o[1],
                                                        .mean = o[2],
                                                        .inverse_std = o[3],
                                                        .params = c.params,
                                                        .pool = form.pool});
  });
}

int check_training(const BatchNormCase& c, const Form& form) {
  const BatchNormInputs in = batch_norm_inputs(c, form.dtype);
  const reference::BatchNorm2d normalised = reference::batch_norm2d_forward_training(
      c.params, in.x, in.gamma, in.beta, in.running_mean, in.running_var);
  const Tail tail = apply_tail(normalised.y, form.pool);
  const Tensor dy = to_type(random_normal(tail.y.shape, 6, 0.25), form.dtype);
  const Tensor mean = to_single(normalised.mean), inverse_std = to_single(normalised.inverse_std);
  const reference::BatchNorm2dGradients expected = reference::batch_norm2d_backward_training(
      in.x, tail_backward(tail, dy, form.pool), in.gamma, mean, inverse_std);
  return for_each_fused_layout(c, form, [&](Backend& backend, Layout layout) {
    const std::vector<Tensor> kept = check_forward(backend, c, layout, form, in, normalised, tail);
    Operation operation{backend,
                        describe("batch_norm2d_relu_backward_training", c, layout, form),
                        {{"x", in.x, layout, form.dtype},
                         {"y", kept[0], layout, form.dtype},
                         {"argmax", kept[1], Layout::contiguous, DType::u8, form.pool},
                         {"dy", dy, layout, form.dtype},
                         {"gamma", in.gamma},
                         {"beta", in.beta},
                         {"mean", mean},
                         {"inverse_std", inverse_std}},
                        gradient_outputs(c, in, expected, inverse_std, dy, layout, form.dtype)};
    // The sum may be of products with y as it was rounded, which for bf16 is 2^13 times as coarse as f32's
    // bound.
    if (form.pool && form.dtype == DType::bf16) operation.outputs[1].expected.terms *= 8192.0 * 8192.0;
    check_gradient(operation, [&](Inputs i, Outputs o, GradientWrite write) {
      backend.run(kernels::BatchNorm2dReluBackwardTraining{.x = i[0],
                                                           .y = i[1],
                                                           .argmax = i[2],
                                                           .dy = i[3],
                                                           .gamma = i[4],
                                                           .beta = i[5],
                                                           .mean = i[6],
                                                           .inverse_std = i[7],
                                                           .dx = {o[0], write},
                                                           .d_gamma = {o[1], write},
                                                           .d_beta = {o[2], write},
                                                           .pool = form.pool});
    });
  });
}

/// The cases that the fused operations can take.
std::vector<BatchNormCase> fused_cases(bool pool) {
  std::vector<BatchNormCase> cases;
  for (const BatchNormCase& c : batch_norm_cases())
    if (c.x.rank() == 4 && (!pool || (c.x[2] >= 2 && c.x[3] >= 2))) cases.push_back(c);
  return cases;
}

void check_all(bool pool, int (*check)(const BatchNormCase&, const Form&)) {
  int checked = 0;
  for (const DType dtype : test_types())
    for (const BatchNormCase& c : fused_cases(pool)) checked += check(c, {pool, dtype});
  if (checked == 0) WARN("no backend has fused batch norm and relu" << (pool ? " with pooling" : ""));
}

}  // namespace

TEST_CASE("batch_norm2d_relu in training") {
  check_all(false, check_training);
}

TEST_CASE("batch_norm2d_relu with pooling in training") {
  check_all(true, check_training);
}

TEST_CASE("batch_norm2d_relu in inference") {
  check_all(false, check_inference);
}

TEST_CASE("batch_norm2d_relu with pooling in inference") {
  check_all(true, check_inference);
}
