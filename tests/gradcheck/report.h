// Collects what was checked, and prints it as a table when the tests are done.
#pragma once

#include <string>
#include <tuple>

namespace xr::gradcheck {

/// What one row of the table is about.
struct Checked {
  std::string backend, operation, precision;
  friend bool operator<(const Checked& a, const Checked& b) {
    return std::tie(a.backend, a.operation, a.precision) < std::tie(b.backend, b.operation, b.precision);
  }
};

/// Records one comparison and checks error <= tolerance (NaN fails). `what` names the case and the tensor.
void check_error(const Checked& checked, const std::string& what, double error, double tolerance);

/// Counts a case (one set of shapes, parameters and layouts) for the table. `shapes` are its operands'.
void count_case(const Checked& checked, const std::string& shapes);

}  // namespace xr::gradcheck
