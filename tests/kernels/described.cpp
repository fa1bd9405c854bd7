// The checks of all operations (tests/ops) as tests.
#include <catch2/catch.hpp>

#include "tests/described_main.h"
#include "tests/ops/operation.h"

namespace xr::tests {

namespace {

void report(bool is_right, const std::string& message) {
  if (is_right)
    SUCCEED();
  else
    FAIL_CHECK(message);
}

void run_suite(const Operation& operation, const Suite<Checker>& suite) {
  for (const Case<Checker>& one : selected_cases(operation, suite))
    one.run(Checker(operation.name + "/" + one.name, report));
}

}  // namespace

void add_described_tests() {
  for (const Operation& operation : operations())
    for (const Suite<Checker>& suite : operation.checks)
      add_test(suite.title, operation.name, [&operation, &suite] { run_suite(operation, suite); });
}

std::vector<std::string> case_names() {
  return check_names();
}

}  // namespace xr::tests
