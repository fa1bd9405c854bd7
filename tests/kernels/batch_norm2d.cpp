#include "tests/reference/batch_norm2d.h"

#include <catch2/catch.hpp>

#include "tests/kernels/batch_norm_inputs.h"
#include "tests/kernels/configured.h"

using namespace xr;
using namespace xr::tests;

namespace {

std::string describe(const char* operation, const BatchNormCase& c, Layout layout, DType dtype) {
  return fmt::format("{} of {}, x {}", operation, c.name, tests::describe(c.x, layout, dtype));
}

void check_forward_training(const BatchNormCase& c, DType dtype) {
  const BatchNormInputs in = batch_norm_inputs(c, dtype);
  const reference::BatchNorm2d expected = reference::batch_norm2d_forward_training(
      c.params, in.x, in.gamma, in.beta, in.running_mean, in.running_var);
  const auto per_channel = [](const char* name, const Tensor& values, double magnitude = 0) {
    return Output{name, {values, DType::f32, Arithmetic::transcendental, 1, magnitude}};
  };
  for_each_layout(c, dtype, [&](Backend& backend, Layout layout) {
    Operation operation{backend,
                        describe("batch_norm2d_forward_training", c, layout, dtype),
                        {{"x", in.x, layout, dtype}, {"gamma", in.gamma}, {"beta", in.beta}},
                        {}};
    operation.outputs = {
        {"y", {expected.y, dtype, Arithmetic::transcendental, 1, output_magnitude(c, expected.y)}, layout},
        per_channel("mean", expected.mean, std::abs(c.mean) + c.deviation),
        per_channel("inverse_std", expected.inverse_std),
        per_channel("running_mean", expected.running_mean, std::abs(c.mean) + c.deviation),
        per_channel("running_var", expected.running_var),
    };
    operation.outputs[3].initial = in.running_mean;
    operation.outputs[4].initial = in.running_var;
    check_operation(operation, [&](Inputs i, Outputs o) {
      backend.run(kernels::BatchNorm2dForwardTraining{.x = i[0],
                                                      .gamma = i[1],
                                                      .beta = i[2],
                                                      .running_mean = o[3],
                                                      .running_var = o[4],
                                                      .y = o[0],
                                                      .mean = o[1],
                                                      .inverse_std = o[2],
                                                      .params = c.params});
    });
  });
}

void check_forward_inference(const BatchNormCase& c, DType dtype) {
  const BatchNormInputs in = batch_norm_inputs(c, dtype);
  const Tensor y = reference::batch_norm2d_forward_inference(c.params, in.x, in.gamma, in.beta,
                                                             in.running_mean, in.running_var);
  for_each_layout(c, dtype, [&](Backend& backend, Layout layout) {
    const Operation operation{
        backend,
        describe("batch_norm2d_forward_inference", c, layout, dtype),
        {{"x", in.x, layout, dtype},
         {"gamma", in.gamma},
         {"beta", in.beta},
         {"running_mean", in.running_mean},
         {"running_var", in.running_var}},
        {{"y", {y, dtype, Arithmetic::transcendental, 1, output_magnitude(c, y)}, layout}}};
    check_operation(operation, [&](Inputs i, Outputs o) {
      backend.run(kernels::BatchNorm2dForwardInference{.x = i[0],
                                                       .gamma = i[1],
                                                       .beta = i[2],
                                                       .running_mean = i[3],
                                                       .running_var = i[4],
                                                       .y = o[0],
                                                       .params = c.params});
    });
  });
}

void check_backward_training(const BatchNormCase& c, DType dtype) {
  const BatchNormInputs in = batch_norm_inputs(c, dtype);
  const Tensor dy = to_type(random_normal(c.x, 6, 0.25), dtype);
  const reference::BatchStatistics batch = reference::batch_statistics(in.x);
  const Tensor mean = to_single(batch.mean);
  const Tensor inverse_std = to_single(reference::inverse_standard_deviation(c.params, batch.variance));
  const reference::BatchNorm2dGradients expected =
      reference::batch_norm2d_backward_training(in.x, dy, in.gamma, mean, inverse_std);
  for_each_layout(c, dtype, [&](Backend& backend, Layout layout) {
    const Operation operation{backend,
                              describe("batch_norm2d_backward_training", c, layout, dtype),
                              {{"x", in.x, layout, dtype},
                               {"dy", dy, layout, dtype},
                               {"gamma", in.gamma},
                               {"mean", mean},
                               {"inverse_std", inverse_std}},
                              gradient_outputs(c, in, expected, inverse_std, dy, layout, dtype)};
    check_gradient(operation, [&](Inputs i, Outputs o, GradientWrite write) {
      backend.run(kernels::BatchNorm2dBackwardTraining{.x = i[0],
                                                       .dy = i[1],
                                                       .gamma = i[2],
                                                       .mean = i[3],
                                                       .inverse_std = i[4],
                                                       .dx = {o[0], write},
                                                       .d_gamma = {o[1], write},
                                                       .d_beta = {o[2], write}});
    });
  });
}

/// `wanted`: which of dx, d_gamma and d_beta are defined.
void check_backward_inference(const BatchNormCase& c, DType dtype, const std::array<bool, 3>& wanted) {
  const BatchNormInputs in = batch_norm_inputs(c, dtype);
  const Tensor dy = to_type(random_normal(c.x, 6, 0.25), dtype);
  const reference::BatchNorm2dGradients expected = reference::batch_norm2d_backward_inference(
      c.params, in.x, dy, in.gamma, in.running_mean, in.running_var);
  const Tensor inverse_std = reference::inverse_standard_deviation(c.params, in.running_var);
  for_each_layout(c, dtype, [&](Backend& backend, Layout layout) {
    Operation operation{backend,
                        describe("batch_norm2d_backward_inference", c, layout, dtype),
                        {{"x", in.x, layout, dtype},
                         {"dy", dy, layout, dtype},
                         {"gamma", in.gamma},
                         {"running_mean", in.running_mean},
                         {"running_var", in.running_var}},
                        gradient_outputs(c, in, expected, inverse_std, dy, layout, dtype)};
    for (std::size_t i = 0; i < 3; ++i) operation.outputs[i].defined = wanted[i];
    // The distance of a value to the running mean, in running deviations, is not near 1 as in the batch.
    operation.outputs[1].expected.magnitude *= 3;
    check_gradient(operation, [&](Inputs i, Outputs o, GradientWrite write) {
      backend.run(kernels::BatchNorm2dBackwardInference{.x = i[0],
                                                        .dy = i[1],
                                                        .gamma = i[2],
                                                        .running_mean = i[3],
                                                        .running_var = i[4],
                                                        .dx = {o[0], write},
                                                        .d_gamma = {o[1], write},
                                                        .d_beta = {o[2], write},
                                                        .params = c.params});
    });
  });
}

}  // namespace

TEST_CASE("batch_norm2d forward in training") {
  for (const DType dtype : test_types())
    for (const BatchNormCase& c : batch_norm_cases()) check_forward_training(c, dtype);
}

TEST_CASE("batch_norm2d forward in inference") {
  for (const DType dtype : test_types())
    for (const BatchNormCase& c : batch_norm_cases()) check_forward_inference(c, dtype);
}

TEST_CASE("batch_norm2d backward in training") {
  for (const DType dtype : test_types())
    for (const BatchNormCase& c : batch_norm_cases()) check_backward_training(c, dtype);
}

TEST_CASE("batch_norm2d backward in inference") {
  for (const DType dtype : test_types())
    for (const BatchNormCase& c : batch_norm_cases()) check_backward_inference(c, dtype, {true, true, true});
}

TEST_CASE("batch_norm2d backward in inference without some of the gradients") {
  for (const auto& wanted : {std::array{true, false, false}, std::array{false, true, true},
                             std::array{false, false, true}, std::array{true, true, false}})
    for (const DType dtype : test_types()) check_backward_inference(batch_norm_cases()[2], dtype, wanted);
}

TEST_CASE("batch_norm2d gradients have write modes of their own") {
  const BatchNormCase& c = batch_norm_cases()[2];
  const BatchNormInputs in = batch_norm_inputs(c);
  const Tensor dy = random_normal(c.x, 6);
  const reference::BatchStatistics batch = reference::batch_statistics(in.x);
  const Tensor mean = to_single(batch.mean);
  const Tensor inverse_std = to_single(reference::inverse_standard_deviation(c.params, batch.variance));
  const reference::BatchNorm2dGradients expected =
      reference::batch_norm2d_backward_training(in.x, dy, in.gamma, mean, inverse_std);
  for (Backend* backend : test_backends())
    for (std::size_t accumulated = 0; accumulated < 3; ++accumulated) {
      Operation operation{
          *backend,
          fmt::format("batch_norm2d_backward_training with output {} accumulated", accumulated),
          {{"x", in.x}, {"dy", dy}, {"gamma", in.gamma}, {"mean", mean}, {"inverse_std", inverse_std}},
          gradient_outputs(c, in, expected, inverse_std, dy, Layout::contiguous)};
      Output& output = operation.outputs[accumulated];
      output.initial = random_normal(output.expected.values.shape, 7);
      for (std::int64_t i = 0; i < output.initial->size(); ++i)
        output.expected.values[i] += (*output.initial)[i];
      const auto write = [&](std::size_t i) {
        return i == accumulated ? GradientWrite::accumulate : GradientWrite::overwrite;
      };
      check_operation(operation, [&](Inputs i, Outputs o) {
        backend->run(kernels::BatchNorm2dBackwardTraining{.x = i[0],
                                                          .dy = i[1],
                                                          .gamma = i[2],
                                                          .mean = i[3],
                                                          .inverse_std = i[4],
                                                          .dx = {o[0], write(0)},
                                                          .d_gamma = {o[1], write(1)},
                                                          .d_beta = {o[2], write(2)}});
      });
    }
}

TEST_CASE("batch_norm2d refuses one value per channel in training") {
  for (Backend* backend : test_backends())
    for (const Shape& shape : {Shape{1, 16, 1, 1}, Shape{1, 5}}) {
      const Shape channels{shape[1]};
      GuardedBuffer x(*backend, shape, DType::f32, Layout::contiguous);
      GuardedBuffer y(*backend, shape, DType::f32, Layout::contiguous);
      x.write(random_normal(shape, 1));
      std::vector<std::unique_ptr<GuardedBuffer>> vectors;
      for (std::uint64_t i = 0; i < 6; ++i) {
        vectors.push_back(
            std::make_unique<GuardedBuffer>(*backend, channels, DType::f32, Layout::contiguous));
        vectors.back()->write(Tensor(channels, 1.0));
      }
      const auto v = [&](std::size_t i) { return vectors[i]->view(); };
      CAPTURE(backend->name(), shape.to_string());
      CHECK_THROWS_AS(backend->run(kernels::BatchNorm2dForwardTraining{.x = x.view(),
                                                                       .gamma = v(0),
                                                                       .beta = v(1),
                                                                       .running_mean = v(2),
                                                                       .running_var = v(3),
                                                                       .y = y.view(),
                                                                       .mean = v(4),
                                                                       .inverse_std = v(5)}),
                      Error);
    }
}

// The variants of a kernel that are not in use, held to the same tolerances.
TEST_CASE("batch_norm2d statistics in two passes") {
  for (Backend* backend : test_backends()) {
    const BackendOptions options{.variant = "two_pass"};
    if (backend->name() == "cpu" || !Configured::possible(*backend, options)) continue;
    const Configured configured(*backend, options);
    for (const DType dtype : test_types())
      for (const BatchNormCase& c : batch_norm_cases()) check_forward_training(c, dtype);
    CHECK(configured.ran("two_pass"));
  }
}
