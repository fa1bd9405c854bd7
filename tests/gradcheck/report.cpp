#define CATCH_CONFIG_EXTERNAL_INTERFACES  // NOLINT(readability-identifier-naming): Catch2 names it
#include "tests/gradcheck/report.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <utility>

namespace xr::gradcheck {

namespace {

struct Row {
  int cases = 0, failures = 0;
  double worst = 0, tolerance = 1;  // of the comparison that used up most of its tolerance
  std::string worst_case;
};

using Rows = std::map<std::pair<std::string, std::string>, Row>;

Rows& rows() {
  static Rows all;  // by operation and backend
  return all;
}

class TableAtTheEnd final : public Catch::TestEventListenerBase {
 public:
  using TestEventListenerBase::TestEventListenerBase;

  void testRunEnded(const Catch::TestRunStats&) override {
    if (rows().empty()) return;
    fmt::print("\n{:<34}{:<9}{:>6}{:>13}{:>11}  {:<8}{}\n", "gradient of", "backend", "cases", "worst error",
               "tolerance", "verdict", "worst at");
    for (const auto& [name, row] : rows())
      fmt::print("{:<34}{:<9}{:>6}{:>13.1e}{:>11.1e}  {:<8}{}\n", name.first, name.second, row.cases,
                 row.worst, row.tolerance, row.failures == 0 ? "right" : "WRONG", row.worst_case);
    fmt::print("\n");
  }
};

CATCH_REGISTER_LISTENER(TableAtTheEnd)

}  // namespace

void check_error(const std::string& backend, const std::string& operation, const std::string& what,
                 double error, double tolerance) {
  Row& row = rows()[{operation, backend}];
  const bool right = error <= tolerance;
  if (row.worst_case.empty() || !(error / tolerance <= row.worst / row.tolerance)) {  // keeps NaN
    row.worst = error;
    row.tolerance = tolerance;
    row.worst_case = what;
  }
  row.failures += !right;
  INFO(operation << " on " << backend << ", " << what << ": error " << error << ", tolerance " << tolerance);
  CHECK(right);
}

void count_case(const std::string& backend, const std::string& operation) {
  ++rows()[{operation, backend}].cases;
}

}  // namespace xr::gradcheck
