// Collects what was checked, and prints it as a table when the tests are done.
#pragma once

#include <string>

namespace xr::gradcheck {

/// Records one comparison and checks error <= tolerance (NaN fails). `what` names the case and the tensor.
void check_error(const std::string& backend, const std::string& operation, const std::string& what,
                 double error, double tolerance);

/// Counts a case (one set of shapes, parameters and layouts) for the table.
void count_case(const std::string& backend, const std::string& operation);

}  // namespace xr::gradcheck
