#include "tests/reference/cross_entropy.h"

#include <catch2/catch.hpp>

#include "tests/kernels/cases.h"
#include "tests/kernels/harness.h"
#include "tests/kernels/logits.h"

using namespace xr;
using namespace xr::tests;
using kernels::CrossEntropyParams;

namespace {

/// Types of the logits (and their gradient) and of the log-probabilities; the loss is f32.
struct Types {
  DType logits, log_probabilities;
};

void check_cross_entropy(Backend& backend, const RowsCase& c, const CrossEntropyParams& params, bool weighted,
                         const Types& types) {
  const Tensor logits = spiked_logits(c, 1, types.logits);
  const std::vector<std::int64_t> labels = random_labels(c, 2);
  Tensor weights = random_normal({c.classes}, 3);
  for (double& weight : weights.values) weight = std::abs(weight) + 0.25;
  weights = to_single(weights);
  const Tensor* used_weights = weighted ? &weights : nullptr;
  const Input labels_in{"labels", label_tensor(labels), Layout::contiguous, DType::i64};
  const Input weights_in{"class_weights", weights, Layout::contiguous, DType::f32, weighted};
  const std::string what =
      fmt::format("{} {} with spike {}, smoothing {}{}, log-probabilities {}", logits.shape.to_string(),
                  name_of(types.logits), c.spike, params.label_smoothing, weighted ? ", weighted" : "",
                  name_of(types.log_probabilities));

  Expected log_probabilities{reference::log_softmax_forward(logits), types.log_probabilities,
                             Arithmetic::transcendental};
  log_probabilities.magnitude = reference::root_mean_square(logits);
  const Expected loss{reference::cross_entropy_forward(params, logits, labels, used_weights), DType::f32,
                      Arithmetic::reduction, static_cast<double>(c.rows), log_probabilities.magnitude};
  check_operation({backend,
                   "cross_entropy_forward of " + what,
                   {{"logits", logits, Layout::contiguous, types.logits}, labels_in, weights_in},
                   {{"loss", loss}, {"log_probabilities", log_probabilities}}},
                  [&](Inputs in, Outputs out) {
                    backend.run(kernels::CrossEntropyForward{.logits = in[0],
                                                             .labels = in[1],
                                                             .class_weights = in[2],
                                                             .loss = out[0],
                                                             .log_probabilities = out[1],
                                                             .params = params});
                  });

  const double d_loss = 1.5;
  const Tensor kept = to_type(log_probabilities.values, types.log_probabilities);
  Expected d_logits{reference::cross_entropy_backward(params, kept, labels, used_weights, d_loss),
                    types.logits, Arithmetic::transcendental};
  // Differences of numbers of the size of a row's share.
  d_logits.magnitude = d_loss / static_cast<double>(c.rows);
  check_gradient({backend,
                  "cross_entropy_backward of " + what,
                  {{"log_probabilities", kept, Layout::contiguous, types.log_probabilities},
                   labels_in,
                   weights_in,
                   {"d_loss", Tensor(Shape{}, d_loss)}},
                  {{"d_logits", d_logits}}},
                 [&](Inputs in, Outputs out, GradientWrite write) {
                   backend.run(kernels::CrossEntropyBackward{.log_probabilities = in[0],
                                                             .labels = in[1],
                                                             .class_weights = in[2],
                                                             .d_loss = in[3],
                                                             .d_logits = out[0],
                                                             .params = params,
                                                             .write = write});
                 });
}

}  // namespace

TEST_CASE("cross_entropy forward and backward") {
  for (Backend* backend : test_backends())
    for (const RowsCase& c : rows_cases())
      for (const float smoothing : {0.0f, 0.1f, 1.0f})
        for (const bool weighted : {false, true})
          check_cross_entropy(*backend, c, {smoothing}, weighted, {DType::f32, DType::f32});
}

TEST_CASE("cross_entropy of bf16 logits") {
  for (Backend* backend : test_backends(DType::bf16))
    for (const RowsCase& c : rows_cases())
      for (const float smoothing : {0.0f, 0.1f})
        for (const DType log_probabilities : {DType::f32, DType::bf16})
          check_cross_entropy(*backend, c, {smoothing}, smoothing > 0, {DType::bf16, log_probabilities});
}

TEST_CASE("cross_entropy refuses labels out of range") {
  const Tensor logits = random_normal({3, 4}, 1);
  for (Backend* backend : test_backends())
    for (const std::int64_t wrong : {-1, 4, 1 << 30}) {
      GuardedBuffer logits_buffer(*backend, logits.shape, DType::f32, Layout::contiguous);
      GuardedBuffer labels_buffer(*backend, {3}, DType::i64, Layout::contiguous);
      GuardedBuffer loss(*backend, {}, DType::f32, Layout::contiguous);
      GuardedBuffer log_probabilities(*backend, logits.shape, DType::f32, Layout::contiguous);
      logits_buffer.write(logits);
      labels_buffer.write(label_tensor({0, wrong, 3}));
      const auto call = [&] {
        backend->run(kernels::CrossEntropyForward{.logits = logits_buffer.view(),
                                                  .labels = labels_buffer.view(),
                                                  .loss = loss.view(),
                                                  .log_probabilities = log_probabilities.view()});
        backend->synchronize();
      };
      CAPTURE(backend->name(), wrong);
      CHECK_THROWS_AS(call(), Error);
      backend->synchronize();  // the error is thrown once
    }
}
