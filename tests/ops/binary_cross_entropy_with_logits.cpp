// PyTorch's binary_cross_entropy_with_logits: weights of positive targets, unknown targets, mean over known ones.
#include "kernels/ops/binary_cross_entropy_with_logits.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/ops/binary_cross_entropy_with_logits.h"
#include "tests/ops/guarded_buffer.h"
#include "tests/ops/operation.h"
#include "tests/ops/rows_cases.h"
#include "tests/ops/test_backends.h"

namespace xr::tests {

namespace {

using reference::random_normal;

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

/// The targets of a case.
enum class Known { all, most, one, none };

struct BinaryForm {
  Known known = Known::all;
  bool weighted = false;
  DType logits = DType::f32;
};

Call binary_forward(const Shape& rows, const BinaryForm& form) {
  return call_of({input("logits", rows, form.logits), input("targets", rows).drawn(Values::labels),
                  input("pos_weight", {rows[1]}).drawn(Values::positive).only_if(form.weighted),
                  output("loss", {}), output("known", {})},
                 [](Views v) {
                   return kernels::BinaryCrossEntropyWithLogitsForward{
                       .logits = v[0], .targets = v[1], .pos_weight = v[2], .loss = v[3], .known = v[4]};
                 });
}

Call binary_backward(const Shape& rows, const BinaryForm& form) {
  return call_of({input("logits", rows, form.logits), input("targets", rows).drawn(Values::labels),
                  input("pos_weight", {rows[1]}).drawn(Values::positive).only_if(form.weighted),
                  input("known", {}).drawn(Values::positive), input("d_loss", {}),
                  output("d_logits", rows, form.logits)},
                 [](Views v, GradientWrite write) {
                   return kernels::BinaryCrossEntropyWithLogitsBackward{.logits = v[0],
                                                                        .targets = v[1],
                                                                        .pos_weight = v[2],
                                                                        .known = v[3],
                                                                        .d_loss = v[4],
                                                                        .d_logits = v[5],
                                                                        .write = write};
                 });
}

// --- the oracle: mean over known targets of -(p z log s(x) + (1 - z) log s(-x)), s(x) = 1 / (1 + exp(-x))

double count_known(const Tensor& targets) {
  return static_cast<double>(
      std::ranges::count_if(targets.values, [](double target) { return !std::isnan(target); }));
}

double weight_of(const Tensor* weights, std::int64_t item) {
  return weights != nullptr ? (*weights)[item % weights->size()] : 1.0;
}

/// -log s(x), which is x itself (but for its sign) where exp(-x) would overflow.
double minus_log_sigmoid(double x) {
  return x < -700 ? -x : std::log1p(std::exp(-x));
}

Tensor binary_oracle(const Tensor& logits, const Tensor& targets, const Tensor* weights) {
  Tensor loss{Shape{}};
  const double known = count_known(targets);
  for (std::int64_t i = 0; i < logits.size(); ++i) {
    if (std::isnan(targets[i])) continue;
    const double z = targets[i];
    if (z > 0) loss[0] += weight_of(weights, i) * z * minus_log_sigmoid(logits[i]) / known;
    if (z < 1) loss[0] += (1 - z) * minus_log_sigmoid(-logits[i]) / known;
  }
  return loss;
}

/// d loss / d x = s(x) (1 - z + p z) - p z, all divided by the number of known targets.
Tensor binary_gradient_oracle(const Tensor& logits, const Tensor& targets, const Tensor* weights,
                              double d_loss) {
  Tensor gradient(logits.shape);
  const double known = count_known(targets);
  for (std::int64_t i = 0; i < logits.size(); ++i) {
    if (std::isnan(targets[i])) continue;
    const double z = targets[i], pz = weight_of(weights, i) * z, s = 1 / (1 + std::exp(-logits[i]));
    gradient[i] = d_loss / known * (s * (1 - z + pz) - pz);
  }
  return gradient;
}

// --- cases

/// 0 and 1, every seventh one soft, and some unknown.
Tensor random_targets(const RowsCase& c, Known known) {
  Tensor targets(c.shape());
  Philox random(5, 6);
  for (std::int64_t i = 0; i < targets.size(); ++i) {
    targets[i] = i % 7 == 6 ? static_cast<double>(random.uniform(0.0f, 1.0f)) : random.below(2);
    const bool masked = known == Known::none || (known == Known::most && random.below(4) == 0) ||
                        (known == Known::one && i != targets.size() / 2);
    if (masked) targets[i] = unknown;
  }
  return targets;
}

Tensor random_weights(const RowsCase& c) {
  Tensor weights = random_normal({c.classes}, 3);
  for (double& weight : weights.values) weight = std::abs(weight) + 0.25;
  return to_single(weights);
}

void check_binary_form(const Checker& check, Backend& backend, const RowsCase& c, const BinaryForm& form) {
  Tensor logits = spiked_logits(c, 1, form.logits);
  const Tensor targets = random_targets(c, form.known), weights = random_weights(c);
  // What stands at an unknown target must not matter.
  for (std::int64_t i = 0; i < logits.size(); ++i)
    if (std::isnan(targets[i]) && i % 2 == 0) logits[i] = unknown;
  const Tensor* used_weights = form.weighted ? &weights : nullptr;
  const double known = count_known(targets), d_loss = 1.5;
  check(backend, binary_forward(c.shape(), form)
                     .holds("logits", logits)
                     .holds("targets", targets)
                     .holds("pos_weight", weights)
                     .expects("loss", {binary_oracle(logits, targets, used_weights), DType::f32,
                                       Arithmetic::transcendental})
                     .expects("known", {Tensor(Shape{}, known)}));
  Expected d_logits{binary_gradient_oracle(logits, targets, used_weights, d_loss), form.logits,
                    Arithmetic::transcendental};
  // Differences of numbers of the size of an element's share.
  if (known > 0) d_logits.magnitude = d_loss / known;
  check(backend, binary_backward(c.shape(), form)
                     .holds("logits", logits)
                     .holds("targets", targets)
                     .holds("pos_weight", weights)
                     .holds("known", Tensor(Shape{}, known))
                     .holds("d_loss", Tensor(Shape{}, d_loss))
                     .expects("d_logits", d_logits));
}

void check_binary_f32(const Checker& check, const RowsCase& c) {
  for (Backend* backend : test_backends())
    for (const Known known : {Known::all, Known::most, Known::one, Known::none})
      for (const bool weighted : {false, true}) check_binary_form(check, *backend, c, {known, weighted});
}

void check_binary_bf16(const Checker& check, const RowsCase& c) {
  for (Backend* backend : test_backends(DType::bf16))
    for (const Known known : {Known::all, Known::most})
      for (const bool weighted : {false, true})
        check_binary_form(check, *backend, c, {known, weighted, DType::bf16});
}

/// What PyTorch 2.15 gives in double precision; with unknown targets its sum with `weight` 0 for them, divided by
/// the number of the others.
struct GoldenCase {
  std::string name;
  bool weighted, masked;
  double loss;
  std::vector<double> gradient;
};

std::vector<GoldenCase> golden_cases() {
  return {{"plain",
           false,
           false,
           4.4108240377887205,
           {-0.020269502645150705, 0.013244769113568616, -0.05555555555555555, 0.11111111111110072,
            -0.062464055653977564, 4.1334177511342615e-45, -0.11100988320062216, 0.0, 0.0413843701335394}},
          {"weighted",
           true,
           false,
           5.345567136422837,
           {-0.04053900529030141, 0.013244769113568616, -0.16666666666666666, 0.11111111111110072,
            -0.031232027826988782, 4.1334177511342615e-45, -0.22201976640124432, 0.0, 0.020409888533642437}},
          {"weighted_masked",
           true,
           true,
           4.854479040550716,
           {-0.05212157823038752, 0, -0.21428571428571427, 0.1428571428571295, -0.04015546434898557,
            5.3143942514583366e-45, 0, 0, 0.026241285257540277}}};
}

void check_binary_golden(const Checker& check, const GoldenCase& c) {
  const Shape shape{3, 3};
  const Tensor logits(shape, {1.5, -2, 0, 30, -0.25, -100, -7, 100, 0.5}), weights({3}, {2, 0.5, 3});
  Tensor targets(shape, {1, 0, 1, 0, 1, 0, 1, 1, 0.25});
  if (c.masked) targets[1] = targets[6] = unknown;
  const BinaryForm form{Known::all, c.weighted};
  const Tensor known(Shape{}, c.masked ? 7 : 9);
  for (Backend* backend : test_backends()) {
    check(*backend, binary_forward(shape, form)
                        .holds("logits", logits)
                        .holds("targets", targets)
                        .holds("pos_weight", weights)
                        .expects("loss", {Tensor(Shape{}, c.loss), DType::f32, Arithmetic::transcendental})
                        .expects("known", {known}));
    check(*backend,
          binary_backward(shape, form)
              .holds("logits", logits)
              .holds("targets", targets)
              .holds("pos_weight", weights)
              .holds("known", known)
              .holds("d_loss", Tensor(Shape{}, 1.0))
              .expects("d_logits", {Tensor(shape, c.gradient), DType::f32, Arithmetic::transcendental}));
  }
}

/// Far logits neither overflow nor cancel, infinite ones on the right side cost nothing.
void check_far_logits(const Checker& check, const LogitsCase& /*one*/) {
  constexpr double infinity = HUGE_VAL;
  const Shape shape{8, 1};
  const Tensor logits(shape, {1000, -1000, 1000, -1000, 20, -20, infinity, -infinity}),
      targets(shape, {1, 0, 0, 1, 1, 0, 1, 0});
  const double at_20 = std::log1p(std::exp(-20.0)), slope_20 = 1 / (1 + std::exp(20.0)) / 8;
  const Tensor loss(Shape{}, (2000 + 2 * at_20) / 8);
  const Tensor gradient(shape, {0, 0, 0.125, -0.125, -slope_20, slope_20, 0, 0});
  for (Backend* backend : test_backends()) {
    check(*backend, binary_forward(shape, {})
                        .holds("logits", logits)
                        .holds("targets", targets)
                        .expects("loss", {loss, DType::f32, Arithmetic::transcendental})
                        .expects("known", {Tensor(Shape{}, 8)}));
    // The absolute part of the tolerance would hide the small ones.
    Expected d_logits{gradient, DType::f32, Arithmetic::transcendental};
    d_logits.magnitude = slope_20;
    check(*backend, binary_backward(shape, {})
                        .holds("logits", logits)
                        .holds("targets", targets)
                        .holds("known", Tensor(Shape{}, 8))
                        .holds("d_loss", Tensor(Shape{}, 1.0))
                        .expects("d_logits", d_logits));
  }
}

struct TargetCase {
  std::string name;
  double target;
};

void check_target_refusals(const Checker& check, const TargetCase& c) {
  const Shape shape{3, 4};
  const Tensor logits = random_normal(shape, 1);
  Tensor targets(shape, 1.0);
  targets[6] = c.target;
  for (Backend* backend : test_backends()) {
    GuardedBuffer logits_buffer(*backend, shape, DType::f32, Layout::contiguous);
    GuardedBuffer targets_buffer(*backend, shape, DType::f32, Layout::contiguous);
    const GuardedBuffer loss(*backend, {}, DType::f32, Layout::contiguous);
    const GuardedBuffer known(*backend, {}, DType::f32, Layout::contiguous);
    logits_buffer.write(logits);
    targets_buffer.write(targets);
    check.refuses(*backend, fmt::format("target {}", c.target), [&] {
      backend->run(kernels::BinaryCrossEntropyWithLogitsForward{.logits = logits_buffer.view(),
                                                                .targets = targets_buffer.view(),
                                                                .loss = loss.view(),
                                                                .known = known.view()});
      backend->synchronize();
    });
    backend->synchronize();  // the error is thrown once
  }
}

void check_binary_gradients(const GradientSink& check, const RowsCase& c) {
  for (const Known known : {Known::all, Known::most})
    for (const bool weighted : {false, true}) {
      const Tensor targets = to_single(random_targets(c, known)), weights = random_weights(c);
      GradientCase test;
      test.operation = "binary_cross_entropy_with_logits";
      test.description = fmt::format("{}{}", known == Known::all ? "all known" : "some unknown",
                                     weighted ? ", weighted" : "");
      test.operands = {activation("x", gradient_logits(c), Layout::contiguous, 1 / gradient_terms(c))};
      test.value_norm = 1;
      test.engine = [=](EngineTensors in) {
        return engine::binary_cross_entropy_with_logits(
            in[0], constant_beside(in[0], targets),
            weighted ? constant_beside(in[0], weights) : engine::Tensor{});
      };
      test.oracle = [=](Tape& tape, Variables in) {
        const Tensor* used_weights = weighted ? &weights : nullptr;
        return tape.record(binary_oracle(in[0]->value, targets, used_weights), [=,
                                                                                x = in[0]](const Tensor& dy) {
          add_gradient(x, binary_gradient_oracle(x->value, targets, weighted ? &weights : nullptr, dy[0]));
        });
      };
      test.arithmetic = Arithmetic::transcendental;
      check(test);
    }
}

void add_binary_benchmarks(Benchmarks& list) {
  const Shape chest_xray_14{list.setting.batch, 14};  // a batch with the labels of NIH's set
  list.add("14_labels", binary_forward(chest_xray_14, {}));
  list.add("14_labels", binary_backward(chest_xray_14, {}));
}

}  // namespace

Operation describe_binary_cross_entropy_with_logits() {
  const std::string name = "binary_cross_entropy_with_logits";
  const std::vector<TargetCase> wrong_targets{
      {"target_minus_1", -1}, {"target_2", 2}, {"target_infinity", HUGE_VAL}};
  return {.name = name,
          .checks = {checks_of(name + " forward and backward", rows_cases(), check_binary_f32),
                     checks_of(name + " of bf16 logits", rows_cases(), check_binary_bf16),
                     checks_of(name + " as in PyTorch", golden_cases(), check_binary_golden),
                     checks_of(name + " refuses targets out of range", wrong_targets, check_target_refusals),
                     checks_of(name + " of logits far from zero", std::vector{LogitsCase{"far"}},
                               check_far_logits)},
          .gradients = {gradients_of("gradcheck " + name, rows_cases(), check_binary_gradients)},
          .benchmarks = add_binary_benchmarks};
}

}  // namespace xr::tests
