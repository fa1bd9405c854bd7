#define CATCH_CONFIG_EXTERNAL_INTERFACES  // NOLINT(readability-identifier-naming): Catch2 names it
#include "tests/gradcheck/report.h"

#include <fmt/core.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <set>

namespace xr::gradcheck {

namespace {

struct Row {
  int cases = 0, comparisons = 0, failures = 0;
  std::set<std::string> shapes;
  double worst = 0, tolerance = 1;  // of the comparison that used up most of its tolerance
  std::string worst_case;
};

using Rows = std::map<Checked, Row>;

Rows& rows() {
  static Rows all;
  return all;
}

class TableAtTheEnd final : public Catch::TestEventListenerBase {
 public:
  using TestEventListenerBase::TestEventListenerBase;

  void testRunEnded(const Catch::TestRunStats&) override {
    if (rows().empty()) return;
    fmt::print(
        "\n"
        "Values and gradients against the float64 oracle. An error is the norm of the difference, relative "
        "to the norm of the result;\n"
        "shown is the one that took most of its tolerance.\n"
        "\n");
    std::size_t width = 0;
    for (const auto& [checked, row] : rows()) width = std::max(width, checked.operation.size());
    fmt::print("{:<8} {:<{}} {:<9} {:>6} {:>6} {:>8} {:>10} {:>10}  {:<9} {}\n", "backend", "operation",
               width, "precision", "shapes", "cases", "error", "tolerance", "taken", "verdict", "at");
    int comparisons = 0, failures = 0;
    for (const auto& [checked, row] : rows()) {
      const std::string verdict = row.failures == 0 ? "right" : fmt::format("{} WRONG", row.failures);
      fmt::print("{:<8} {:<{}} {:<9} {:>6} {:>6} {:>8.1e} {:>10.1e} {:>8.1f} %  {:<9} {}\n", checked.backend,
                 checked.operation, width, checked.precision, row.shapes.size(), row.cases, row.worst,
                 row.tolerance, 100 * row.worst / row.tolerance, verdict, row.worst_case);
      comparisons += row.comparisons;
      failures += row.failures;
    }
    fmt::print("\n{} comparisons, {} wrong.\n\n", comparisons, failures);
  }
};

CATCH_REGISTER_LISTENER(TableAtTheEnd)

}  // namespace

void check_error(const Checked& checked, const std::string& what, double error, double tolerance) {
  Row& row = rows()[checked];
  const bool right = error <= tolerance;
  // NaN is the worst, and stays.
  if (row.worst_case.empty() ||
      (!std::isnan(row.worst) && !(error / tolerance <= row.worst / row.tolerance))) {
    row.worst = error;
    row.tolerance = tolerance;
    row.worst_case = what;
  }
  ++row.comparisons;
  row.failures += !right;
  INFO(checked.operation << " on " << checked.backend << " in " << checked.precision << ", " << what
                         << ": error " << error << ", tolerance " << tolerance);
  CHECK(right);
}

void count_case(const Checked& checked, const std::string& shapes) {
  Row& row = rows()[checked];
  ++row.cases;
  row.shapes.insert(shapes);
}

}  // namespace xr::gradcheck
