// PyTorch's cross entropy: class weights, label smoothing, mean reduction.
#include "kernels/ops/cross_entropy.h"

#include <span>

#include "engine/ops/cross_entropy.h"
#include "tests/ops/guarded_buffer.h"
#include "tests/ops/operation.h"
#include "tests/ops/rows_cases.h"
#include "tests/ops/test_backends.h"
#include "tests/reference/cross_entropy.h"
#include "tests/reference/log_softmax.h"

namespace xr::tests {

namespace {

using kernels::CrossEntropyParams;
using reference::random_normal;

/// How the loss is taken. Types of the logits (and their gradient) and of the log-probabilities; the loss is
/// f32.
struct Form {
  CrossEntropyParams params = {};
  bool weighted = false;
  DType logits = DType::f32, log_probabilities = DType::f32;

  [[nodiscard]] Call described(Call call) const {
    return std::move(call).with(
        fmt::format("smoothing {}{}", params.label_smoothing, weighted ? ", weighted" : ""));
  }
};

Call cross_entropy_forward(const Shape& rows, const Form& form) {
  return form.described(call_of(
      {input("logits", rows, form.logits), input("labels", {rows[0]}, DType::i64).drawn(Values::labels),
       input("class_weights", {rows[1]}).only_if(form.weighted), output("loss", {}),
       output("log_probabilities", rows, form.log_probabilities)},
      [params = form.params](Views v) {
        return kernels::CrossEntropyForward{.logits = v[0],
                                            .labels = v[1],
                                            .class_weights = v[2],
                                            .loss = v[3],
                                            .log_probabilities = v[4],
                                            .params = params};
      }));
}

Call cross_entropy_backward(const Shape& rows, const Form& form) {
  return form.described(call_of({input("log_probabilities", rows, form.log_probabilities),
                                 input("labels", {rows[0]}, DType::i64).drawn(Values::labels),
                                 input("class_weights", {rows[1]}).only_if(form.weighted),
                                 input("d_loss", {}), output("d_logits", rows, form.logits)},
                                [params = form.params](Views v, GradientWrite write) {
                                  return kernels::CrossEntropyBackward{.log_probabilities = v[0],
                                                                       .labels = v[1],
                                                                       .class_weights = v[2],
                                                                       .d_loss = v[3],
                                                                       .d_logits = v[4],
                                                                       .params = params,
                                                                       .write = write};
                                }));
}

/// As the values of an i64 tensor.
Tensor label_tensor(const std::vector<std::int64_t>& labels) {
  return {Shape{static_cast<std::int64_t>(labels.size())}, std::vector<double>(labels.begin(), labels.end())};
}

void check_form(const Checker& check, Backend& backend, const RowsCase& c, const Form& form) {
  const Tensor logits = spiked_logits(c, 1, form.logits);
  const std::vector<std::int64_t> labels = random_labels(c, 11, 2);
  Tensor weights = random_normal({c.classes}, 3);
  for (double& weight : weights.values) weight = std::abs(weight) + 0.25;
  weights = to_single(weights);
  const Tensor* used_weights = form.weighted ? &weights : nullptr;

  Expected log_probabilities{reference::log_softmax_forward(logits), form.log_probabilities,
                             Arithmetic::transcendental};
  log_probabilities.magnitude = reference::root_mean_square(logits);
  const Expected loss{reference::cross_entropy_forward(form.params, logits, labels, used_weights), DType::f32,
                      Arithmetic::reduction, static_cast<double>(c.rows), log_probabilities.magnitude};
  check(backend, cross_entropy_forward(c.shape(), form)
                     .holds("logits", logits)
                     .holds("labels", label_tensor(labels))
                     .holds("class_weights", weights)
                     .expects("loss", loss)
                     .expects("log_probabilities", log_probabilities));

  const double d_loss = 1.5;
  const Tensor kept_values = to_type(log_probabilities.values, form.log_probabilities);
  Expected d_logits{reference::cross_entropy_backward(form.params, kept_values, labels, used_weights, d_loss),
                    form.logits, Arithmetic::transcendental};
  // Differences of numbers of the size of a row's share.
  d_logits.magnitude = d_loss / static_cast<double>(c.rows);
  check(backend, cross_entropy_backward(c.shape(), form)
                     .holds("log_probabilities", kept_values)
                     .holds("labels", label_tensor(labels))
                     .holds("class_weights", weights)
                     .holds("d_loss", Tensor(Shape{}, d_loss))
                     .expects("d_logits", d_logits));
}

void check_f32(const Checker& check, const RowsCase& c) {
  for (Backend* backend : test_backends())
    for (const float smoothing : {0.0f, 0.1f, 1.0f})
      for (const bool weighted : {false, true}) check_form(check, *backend, c, {{smoothing}, weighted});
}

void check_bf16(const Checker& check, const RowsCase& c) {
  for (Backend* backend : test_backends(DType::bf16))
    for (const float smoothing : {0.0f, 0.1f})
      for (const bool weighted : {false, true})
        for (const auto& [logits, log_probabilities] :
             {std::pair{DType::f32, DType::bf16}, {DType::bf16, DType::f32}, {DType::bf16, DType::bf16}})
          check_form(check, *backend, c, {{smoothing}, weighted, logits, log_probabilities});
}

struct LabelCase {
  std::string name;
  std::int64_t label;
};

void check_refusals(const Checker& check, const LabelCase& c) {
  const Tensor logits = random_normal({3, 4}, 1);
  for (Backend* backend : test_backends()) {
    GuardedBuffer logits_buffer(*backend, logits.shape, DType::f32, Layout::contiguous);
    GuardedBuffer labels_buffer(*backend, {3}, DType::i64, Layout::contiguous);
    const GuardedBuffer loss(*backend, {}, DType::f32, Layout::contiguous);
    const GuardedBuffer log_probabilities(*backend, logits.shape, DType::f32, Layout::contiguous);
    logits_buffer.write(logits);
    labels_buffer.write(label_tensor({0, c.label, 3}));
    check.refuses(*backend, fmt::format("label {} of 4 classes", c.label), [&] {
      backend->run(kernels::CrossEntropyForward{.logits = logits_buffer.view(),
                                                .labels = labels_buffer.view(),
                                                .loss = loss.view(),
                                                .log_probabilities = log_probabilities.view()});
      backend->synchronize();
    });
    backend->synchronize();  // the error is thrown once
  }
}

void check_minus_infinity(const Checker& check, const LogitsCase& /*one*/) {
  const RuledOutClasses classes;
  const Tensor& log_y = classes.log_y;
  const Tensor loss(Shape{}, -(log_y[2] + log_y[7] + log_y[9]) / 3);
  for (Backend* backend : test_backends())
    check(*backend, cross_entropy_forward(classes.x.shape, {})
                        .holds("logits", classes.x)
                        .holds("labels", Tensor({3}, {2.0, 3.0, 1.0}))
                        .expects("loss", {loss, DType::f32, Arithmetic::transcendental})
                        .expects("log_probabilities", {log_y, DType::f32, Arithmetic::transcendental, 1, 1}));
}

void check_gradients(const GradientSink& check, const RowsCase& c) {
  const std::vector<std::int64_t> labels = random_labels(c, 3, 4);
  reference::Tensor weights = random_normal({c.classes}, 2);
  for (double& weight : weights.values) weight = 0.5 + std::abs(weight);
  weights = to_single(weights);
  for (const bool weighted : {false, true})
    for (const float smoothing : {0.0f, 0.1f}) {
      const CrossEntropyParams params{smoothing};
      GradientCase test;
      test.operation = "cross_entropy";
      test.description = fmt::format("smoothing {}{}", smoothing, weighted ? ", class weights" : "");
      test.operands = {activation("x", gradient_logits(c), Layout::contiguous, 1 / gradient_terms(c))};
      test.value_norm = 1;
      test.engine = [&](EngineTensors in) {
        const engine::Tensor targets =
            engine::Tensor::from_host(std::span<const std::int64_t>(labels), {c.rows}, in[0].device());
        return engine::cross_entropy(in[0], targets,
                                     weighted ? constant_beside(in[0], weights) : engine::Tensor{}, params);
      };
      test.oracle = [&](Tape& tape, Variables in) {
        return tape.cross_entropy(params, in[0], labels, weighted ? &weights : nullptr);
      };
      test.arithmetic = Arithmetic::transcendental;
      check(test);
    }
}

void add_benchmarks(Benchmarks& list) {
  const Shape rows{list.setting.batch, list.layers.classes};
  list.add("report_cnn", cross_entropy_forward(rows, {}));
  list.add("report_cnn", cross_entropy_backward(rows, {}));
}

}  // namespace

Operation describe_cross_entropy() {
  const std::vector<LabelCase> wrong_labels{
      {"label_minus_1", -1}, {"label_4", 4}, {"label_2_to_30", 1 << 30}};
  return {
      .name = "cross_entropy",
      .checks = {checks_of("cross_entropy forward and backward", rows_cases(), check_f32),
                 checks_of("cross_entropy of bf16 logits and log-probabilities", rows_cases(), check_bf16),
                 checks_of("cross_entropy refuses labels out of range", wrong_labels, check_refusals),
                 checks_of("cross_entropy of logits of minus infinity",
                           std::vector{LogitsCase{"minus_infinity"}}, check_minus_infinity)},
      .gradients = {gradients_of("gradcheck cross_entropy", rows_cases(), check_gradients)},
      .benchmarks = add_benchmarks};
}

}  // namespace xr::tests
