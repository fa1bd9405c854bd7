#include "tests/reference/batch_norm2d.h"

#include <catch2/catch.hpp>

#include "tests/reference/gradient_check.h"

using namespace xr::reference;

// The expected numbers are those of PyTorch 2.15 in double precision (BatchNorm1d).
TEST_CASE("reference batch norm gives known values") {
  const BatchNormParams params{0.25f, 0.25f};
  const Tensor x({3, 1}, {1, 2, 6}), gamma({1}, 2), beta({1}, 1);
  const BatchNorm2d result =
      batch_norm2d_forward_training(params, x, gamma, beta, Tensor({1}, 4), Tensor({1}, 2));
  CHECK(result.y[0] == Approx(-0.8039504672067892).epsilon(1e-14));
  CHECK(result.y[1] == Approx(0.0980247663966054).epsilon(1e-14));
  CHECK(result.y[2] == Approx(3.705925700810184).epsilon(1e-14));
  CHECK(result.running_mean[0] == Approx(3.75).epsilon(1e-14));
  CHECK(result.running_var[0] == Approx(3.25).epsilon(1e-14));
  const BatchNorm2dGradients gradients =
      batch_norm2d_backward_training(x, Tensor({3, 1}, {1, 0, 0}), gamma, result.mean, result.inverse_std);
  CHECK(gradients.dx[0] == Approx(0.35671336922168156).epsilon(1e-14));
  CHECK(gradients.dx[1] == Approx(-0.42296013779142233).epsilon(1e-14));
  CHECK(gradients.dx[2] == Approx(0.06624676856974089).epsilon(1e-14));
  CHECK(gradients.d_gamma[0] == Approx(-0.9020).epsilon(1e-4));
  CHECK(gradients.d_beta[0] == 1);
  // gamma (x - 4) / sqrt(2 + 1/4) + beta
  const Tensor inferred =
      batch_norm2d_forward_inference(params, x, gamma, beta, Tensor({1}, 4), Tensor({1}, 2));
  CHECK(inferred[0] == Approx(-3).epsilon(1e-14));
}

TEST_CASE("reference batch norm gradients match central differences") {
  const BatchNormParams params;
  for (const Shape& shape : {Shape{4, 3, 3, 2}, Shape{5, 3}, Shape{1, 3, 2, 2}}) {
    const Tensor x = random_normal(shape, 1, 0.5, 2), dy = random_normal(shape, 2);
    const Tensor gamma = random_normal({3}, 3), beta = random_normal({3}, 4);
    const Tensor mean = random_normal({3}, 5), variance({3}, {0.5, 1, 2});
    const auto training = [&](const Tensor& x_in, const Tensor& gamma_in, const Tensor& beta_in) {
      return batch_norm2d_forward_training(params, x_in, gamma_in, beta_in, mean, variance);
    };
    const BatchNorm2d forward = training(x, gamma, beta);
    const BatchNorm2dGradients trained =
        batch_norm2d_backward_training(x, dy, gamma, forward.mean, forward.inverse_std);
    CAPTURE(shape.to_string());
    CHECK(gradient_error([&](const Tensor& v) { return training(v, gamma, beta).y; }, x, dy, trained.dx) <=
          1e-7);
    CHECK(gradient_error([&](const Tensor& v) { return training(x, v, beta).y; }, gamma, dy,
                         trained.d_gamma) <= 1e-7);
    CHECK(gradient_error([&](const Tensor& v) { return training(x, gamma, v).y; }, beta, dy,
                         trained.d_beta) <= 1e-7);

    const auto inference = [&](const Tensor& x_in, const Tensor& gamma_in, const Tensor& beta_in) {
      return batch_norm2d_forward_inference(params, x_in, gamma_in, beta_in, mean, variance);
    };
    const BatchNorm2dGradients inferred =
        batch_norm2d_backward_inference(params, x, dy, gamma, mean, variance);
    CHECK(gradient_error([&](const Tensor& v) { return inference(v, gamma, beta); }, x, dy, inferred.dx) <=
          1e-7);
    CHECK(gradient_error([&](const Tensor& v) { return inference(x, v, beta); }, gamma, dy,
                         inferred.d_gamma) <= 1e-7);
    CHECK(gradient_error([&](const Tensor& v) { return inference(x, gamma, v); }, beta, dy,
                         inferred.d_beta) <= 1e-7);
  }
}
