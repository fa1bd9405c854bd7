// Two kinds of what can go wrong. A kernel's fault is what a GPU would report, or should; what the software GPU itself
// does not know ends the program, since a check that goes on without it would pass by omission.
#pragma once

#include <stdexcept>
#include <string>

namespace xr::software_gpu {

/// A kernel did what it must not.
struct Fault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// An assert of a kernel.
struct FailedAssertion : Fault {
  using Fault::Fault;
};

/// An instruction, modifier or directive that is not known: with kernel, line and instruction.
struct NotSupported : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Prints what is not known and aborts.
[[noreturn]] void end_program(const std::string& what);

}  // namespace xr::software_gpu
