// The main of suites whose tests come from the descriptions in tests/ops. `--case operation/case` or XR_CASE
// runs one case, `--case operation` those of one operation.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace xr::tests {

/// Adds a test; its operation is its tag.
void add_test(const std::string& title, const std::string& operation, std::function<void()> run);
/// What was asked for; empty: everything.
[[nodiscard]] const std::string& selected_case();

// Each suite defines these.
void add_described_tests();
/// "conv2d/padding_2", ...
[[nodiscard]] std::vector<std::string> case_names();

}  // namespace xr::tests
