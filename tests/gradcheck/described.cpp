// The gradient checks of all operations (tests/ops) as tests.
#include <fmt/core.h>

#include "tests/described_main.h"
#include "tests/gradcheck/check.h"
#include "tests/ops/operation.h"

namespace xr::gradcheck {

namespace {

using tests::GradientSink;
using tests::Operation;
using tests::Suite;

/// "conv2d/padding_2, x [2, 32, 11, 13] channels_last"
std::string describe(const std::string& name, const GradientCase& test) {
  std::string text = name;
  if (!test.description.empty()) text += ", " + test.description;
  for (const tests::GradientOperand& operand : test.operands)
    if (!operand.is_parameter)
      text += fmt::format(", {} {}", operand.name, tests::describe(operand.value.shape, operand.layout));
  return text;
}

void run_suite(const Operation& operation, const Suite<GradientSink>& suite) {
  for (const tests::Case<GradientSink>& one : tests::selected_cases(operation, suite)) {
    const std::string name = operation.name + "/" + one.name;
    one.run([&](const GradientCase& test) {
      GradientCase named = test;
      named.description = describe(name, test);
      check_gradients(named);
    });
  }
}

}  // namespace

}  // namespace xr::gradcheck

namespace xr::tests {

void add_described_tests() {
  for (const Operation& operation : operations())
    for (const Suite<GradientSink>& suite : operation.gradients)
      add_test(suite.title, operation.name, [&operation, &suite] { gradcheck::run_suite(operation, suite); });
}

std::vector<std::string> case_names() {
  return gradient_names();
}

}  // namespace xr::tests
