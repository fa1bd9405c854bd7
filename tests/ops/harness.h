// Runs one call on one backend and holds it against the oracle. Every run
// - puts inputs and outputs between guard zones and checks these afterwards,
// - starts outputs from NaN (or from given contents) and checks that inputs were not changed,
// - compares each output with the oracle under the one table of tolerances,
// - is repeated and must give the same bytes; on the cpu also with one and with three threads, elsewhere, if
//   it is small, also with every array 4 bytes (i64: 8) behind a multiple of the allocator's alignment.
#pragma once

#include <string>
#include <vector>

#include "tests/ops/call.h"

namespace xr::tests {

struct RunReport {
  std::vector<Tensor> values;         ///< of the operands that the first run wrote, in their order
  std::vector<std::string> problems;  ///< one line each; empty if all is well
};

/// Runs the call as described above and returns what went wrong.
[[nodiscard]] RunReport run_call(Backend& backend, const Call& call,
                                 GradientWrite write = GradientWrite::overwrite);

/// The call with random contents before it, to which its outputs are added.
[[nodiscard]] Call accumulating(const Call& call);

}  // namespace xr::tests
