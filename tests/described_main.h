// The main of suites whose tests come from the descriptions in tests/ops. `--case operation/case` or XR_CASE
// runs one case, `--case operation` those of one operation. `--share 3/8` or XR_TEST_SHARE runs an eighth of each
// suite's cases, one at least; 0/8 to 7/8 together run all.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/ops/operation.h"

namespace xr::tests {

/// Adds a test; its operation is its tag.
void add_test(const std::string& title, const std::string& operation, std::function<void()> run);
/// What was asked for; empty: everything.
[[nodiscard]] const std::string& selected_case();
[[nodiscard]] const Share& selected_share();
/// The cases of a suite that were asked for.
template <class Consumer>
[[nodiscard]] std::vector<Case<Consumer>> selected_cases(const Operation& operation,
                                                         const Suite<Consumer>& suite) {
  std::vector<Case<Consumer>> named, selected;
  for (const Case<Consumer>& one : suite.cases)
    if (is_selected(operation.name, one.name, selected_case())) named.push_back(one);
  for (std::size_t i = 0; i < named.size(); ++i)
    if (is_in_share(i, named.size(), selected_share())) selected.push_back(named[i]);
  return selected;
}

// Each suite defines these.
void add_described_tests();
/// "conv2d/padding_2", ...
[[nodiscard]] std::vector<std::string> case_names();

}  // namespace xr::tests
