#include "tests/reference/cross_entropy.h"

#include <catch2/catch.hpp>

#include "tests/reference/gradient_check.h"
#include "tests/reference/softmax.h"

using namespace xr::reference;

TEST_CASE("reference softmax gives hand-computed values and survives large logits") {
  const double log2 = std::log(2.0), log5 = std::log(5.0);
  const Tensor x({2, 3}, {0, log2, log5, 1000, 1000 + log2, 1000 + log5});
  const Tensor y = softmax_forward(x), log_y = log_softmax_forward(x);
  const double expected[] = {1 / 8., 2 / 8., 5 / 8.};
  for (std::int64_t i = 0; i < 6; ++i) {
    CHECK(y[i] == Approx(expected[i % 3]).epsilon(1e-12));
    CHECK(log_y[i] == Approx(std::log(expected[i % 3])).epsilon(1e-12));
  }
}

TEST_CASE("reference softmax gradients match central differences") {
  const Tensor x = random_normal({4, 5}, 1, 0, 2), dy = random_normal({4, 5}, 2);
  CHECK(gradient_error(softmax_forward, x, dy, softmax_backward(softmax_forward(x), dy)) <= 1e-7);
  CHECK(gradient_error(log_softmax_forward, x, dy, log_softmax_backward(log_softmax_forward(x), dy)) <= 1e-7);
}

// The expected numbers are those of PyTorch 2.15 in double precision (torch.nn.functional.cross_entropy).
TEST_CASE("reference cross entropy gives known values") {
  const Tensor logits({4, 3}, {1, 2, 4, 0.5, -1, 0, 3, -2, -3, -1, 0, 7});
  const std::vector<std::int64_t> labels{2, 0, 1, 2};
  const Tensor weights({3}, {0.5, 2, 1.25});
  const auto loss = [&](float smoothing, const Tensor* class_weights) {
    return cross_entropy_forward({smoothing}, logits, labels, class_weights)[0];
  };
  CHECK(loss(0.0f, nullptr) == Approx(1.446099419197559).epsilon(1e-14));
  CHECK(loss(0.0f, &weights) == Approx(2.1068560010858097).epsilon(1e-14));
  CHECK(loss(0.25f, nullptr) == Approx(1.821099419197559).epsilon(1e-14));
  CHECK(loss(0.25f, &weights) == Approx(2.372916855613747).epsilon(1e-14));
  const Tensor gradient = cross_entropy_backward({0.25f}, log_softmax_forward(logits), labels, &weights, 1.0);
  CHECK(gradient[0] == Approx(0.002169183200183179).epsilon(1e-12));
  CHECK(gradient[1] == Approx(-0.004784533487184713).epsilon(1e-12));
  CHECK(gradient[5] == Approx(0.02474777372497925).epsilon(1e-12));
}

TEST_CASE("reference cross entropy gradients match central differences") {
  const Tensor logits = random_normal({5, 4}, 1, 0, 2), weights({4}, {0.5, 1, 2, 0.25});
  const std::vector<std::int64_t> labels{3, 0, 1, 1, 2};
  for (const float smoothing : {0.0f, 0.1f, 1.0f})
    for (const Tensor* class_weights : {static_cast<const Tensor*>(nullptr), &weights}) {
      const Tensor gradient =
          cross_entropy_backward({smoothing}, log_softmax_forward(logits), labels, class_weights, 1.5);
      const auto forward = [&](const Tensor& v) {
        return cross_entropy_forward({smoothing}, v, labels, class_weights);
      };
      CHECK(gradient_error(forward, logits, Tensor(Shape{}, 1.5), gradient) <= 1e-7);
    }
}
