#include "tests/gradcheck/check.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <optional>
#include <span>

#include "engine/ops/cast.h"
#include "engine/ops/reorder.h"
#include "tests/gradcheck/report.h"
#include "tests/ops/call.h"
#include "tests/ops/configured.h"
#include "tests/reference/gradient_check.h"

namespace xr::gradcheck {

namespace {

// Differences of float64 numbers of size 1 are right to 1e-16 / step.
constexpr double difference_step = 1e-6, difference_tolerance = 1e-6;

double dot(const reference::Tensor& a, const reference::Tensor& b) {
  double sum = 0;
  for (std::int64_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// The oracle's value and gradients for a case.
struct Exact {
  reference::Tensor seed, value;
  std::vector<reference::Tensor> gradients;
};

struct OracleRun {
  Tape tape;
  std::vector<VariablePointer> leaves;
  VariablePointer result;

  OracleRun(const GradientCase& test, const std::vector<reference::Tensor>& directions, double step) {
    for (std::size_t i = 0; i < test.operands.size(); ++i) {
      reference::Tensor value = test.operands[i].value;
      if (step != 0)
        for (std::int64_t j = 0; j < value.size(); ++j) value[j] += step * directions[i][j];
      leaves.push_back(tape.leaf(value));
    }
    result = test.oracle(tape, leaves);
  }
};

/// `seed_type`: the type of the numbers of the seed.
Exact solve(const GradientCase& test, double min_kink_distance, DType seed_type) {
  OracleRun run(test, {}, 0);
  Exact exact;
  exact.value = run.result->value;
  INFO(test.operation << " " << test.description);
  REQUIRE(run.tape.kink_distance() >= min_kink_distance);
  exact.seed = tests::to_type(reference::random_normal(exact.value.shape, 999), seed_type);
  run.tape.backward(run.result, exact.seed);
  for (const VariablePointer& leaf : run.leaves) exact.gradients.push_back(leaf->gradient);
  return exact;
}

double mean_of(const reference::Tensor& x) {
  double sum = 0;
  for (const double value : x.values) sum += value;
  return sum / static_cast<double>(x.size());
}

/// A random direction, as large as the operand varies.
reference::Tensor direction_of(const reference::Tensor& x, std::uint64_t number) {
  reference::Tensor centred = x;
  const double mean = mean_of(x);
  for (double& value : centred.values) value -= mean;
  const double deviation = reference::root_mean_square(x.size() > 1 ? centred : x);
  return reference::random_normal(x.shape, number, 0, deviation);
}

/// One random direction for each operand alone.
void check_oracle(const GradientCase& test, const Exact& exact) {
  for (std::size_t i = 0; i < test.operands.size(); ++i) {
    std::vector<reference::Tensor> directions;
    for (std::size_t j = 0; j < test.operands.size(); ++j)
      directions.push_back(j == i ? direction_of(test.operands[i].value, 500 + i)
                                  : reference::Tensor(test.operands[j].value.shape));
    const auto evaluate = [&](double step) -> Evaluation {
      const OracleRun run(test, directions, step);
      return {dot(exact.seed, run.result->value), run.tape.pattern()};
    };
    // Along a direction of normal numbers the slope is normal with the gradient's norm as deviation.
    const double size = std::max(norm_of(exact.gradients[i]), test.operands[i].min_norm) *
                        reference::root_mean_square(directions[i]);
    check_slope(fmt::format("{} {}, d {}", test.operation, test.description, test.operands[i].name), evaluate,
                dot(exact.gradients[i], directions[i]), size);
  }
}

std::string shapes_of(const GradientCase& test) {
  std::string shapes;
  for (const tests::GradientOperand& operand : test.operands) shapes += operand.value.shape.to_string();
  return shapes;
}

void check_engine(const GradientCase& test, const Exact& exact, const kernels::Backend& backend,
                  Precision precision) {
  const Checked checked{backend.name(), test.operation, tests::name_of(precision)};
  count_case(checked, shapes_of(test));
  const kernels::Device device = kernels::Device::parse(backend.name());
  const double tolerance = norm_tolerance_of(test.arithmetic, precision, test.growth);
  std::vector<engine::Tensor> leaves;
  for (const tests::GradientOperand& operand : test.operands)
    leaves.push_back(leaf_on(device, operand.value, operand.layout));
  const engine::Tensor seed = leaf_on(device, exact.seed, Layout::contiguous).detach();
  for (const double times : {1.0, 2.0}) {  // the second backward adds to the gradients of the first
    std::vector<engine::Tensor> operands;
    for (std::size_t i = 0; i < leaves.size(); ++i)
      operands.push_back(test.operands[i].is_parameter ? leaves[i]
                                                       : engine::cast(leaves[i], backend.activation_type()));
    const engine::Tensor result = engine::cast(test.engine(operands), DType::f32);
    check_error(checked, test.description + ", value", error_of(result, exact.value, test.value_norm),
                tolerance);
    result.backward(seed);
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      REQUIRE(leaves[i].grad().defined());
      reference::Tensor expected = exact.gradients[i];
      for (double& value : expected.values) value *= times;
      check_error(
          checked,
          fmt::format("{}, d {}{}", test.description, test.operands[i].name, times > 1 ? " twice" : ""),
          error_of(leaves[i].grad(), expected, times * test.operands[i].min_norm), tolerance);
    }
  }
}

bool takes_layouts(const kernels::Backend& backend, const GradientCase& test) {
  const auto takes = [&](Layout layout, const kernels::Shape& shape) {
    const std::vector<Layout> layouts = tests::layouts_of(backend, shape);
    return layout == Layout::contiguous || std::find(layouts.begin(), layouts.end(), layout) != layouts.end();
  };
  return std::all_of(test.operands.begin(), test.operands.end(), [&](const tests::GradientOperand& operand) {
    return takes(operand.layout, operand.value.shape) && takes(test.result_layout, operand.value.shape);
  });
}

/// The case with the numbers that bf16 holds in its activations.
GradientCase in_bf16(GradientCase test) {
  for (tests::GradientOperand& operand : test.operands)
    if (!operand.is_parameter) operand.value = tests::to_type(operand.value, DType::bf16);
  return test;
}

}  // namespace

double norm_of(const reference::Tensor& x) {
  return std::sqrt(dot(x, x));
}

double error_of(const engine::Tensor& actual, const reference::Tensor& expected, double min_norm) {
  if (actual.shape() != expected.shape) return HUGE_VAL;
  const std::vector<float> numbers = actual.to_host();
  double difference = 0;
  for (std::int64_t i = 0; i < expected.size(); ++i) {
    const double error = static_cast<double>(numbers[static_cast<std::size_t>(i)]) - expected[i];
    difference += error * error;
  }
  const double norm = std::max(norm_of(expected), min_norm);
  return difference == 0 ? 0 : std::sqrt(difference) / norm;
}

void check_slope(const std::string& what, const MovedOracle& evaluate, double slope, double size) {
  const Evaluation above = evaluate(difference_step), below = evaluate(-difference_step);
  INFO(what);
  REQUIRE(above.pattern == below.pattern);  // no kink between the two
  const double numeric = (above.value - below.value) / (2 * difference_step);
  // A value of size v is rounded to 1e-16 v, so its difference to 1e-16 v / step; some hundred roundings.
  const double rounding = 1e-14 * std::abs(above.value) / difference_step;
  INFO("slope " << slope << ", by central differences " << numeric << ", size " << size);
  CHECK(std::abs(numeric - slope) <= difference_tolerance * size + rounding);
}

kernels::BackendOptions with_precision(const kernels::Backend& backend, Precision precision) {
  kernels::BackendOptions options = tests::default_options(backend);
  options.precision = precision;
  return options;
}

std::vector<Precision> precisions_of(kernels::Backend& backend) {
  static std::map<std::string, std::vector<Precision>> known;
  const auto [entry, is_new] = known.try_emplace(backend.name());
  if (is_new)
    for (const Precision precision : {Precision::fp32, Precision::tf32, Precision::bf16})
      if (tests::Configured::possible(backend, with_precision(backend, precision)))
        entry->second.push_back(precision);
  return entry->second;
}

void check_gradients(const GradientCase& test) {
  const Exact exact = solve(test, test.min_kink_distance, DType::f32);
  check_oracle(test, exact);
  std::optional<std::pair<GradientCase, Exact>> narrow;  // where a backend keeps activations in bf16
  for (kernels::Backend* backend : tests::test_backends()) {
    if (!takes_layouts(*backend, test)) continue;
    for (const Precision precision : precisions_of(*backend)) {
      if (precision == Precision::tf32 && test.arithmetic != Arithmetic::products) continue;
      const tests::Configured configured(*backend, with_precision(*backend, precision));
      if (precision != Precision::bf16) {
        check_engine(test, exact, *backend, precision);
        continue;
      }
      if (!narrow) {
        const GradientCase rounded = in_bf16(test);
        narrow.emplace(rounded, solve(rounded, 0, DType::bf16));
      }
      check_engine(narrow->first, narrow->second, *backend, precision);
    }
  }
}

// Else a table without these rows would pass.
TEST_CASE("gradcheck runs in every precision on every backend but the cpu") {
  for (kernels::Backend* backend : tests::test_backends()) {
    CAPTURE(backend->name());
    const std::size_t on_cpu = backend->has_precision(kernels::Precision::bf16) ? 2 : 1;
    CHECK(precisions_of(*backend).size() == (tests::is_cpu(*backend) ? on_cpu : 3));
  }
}

}  // namespace xr::gradcheck
