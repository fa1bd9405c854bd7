// Ctrl-C and SIGTERM: the first asks, the second ends the program at once.
#pragma once

#include <stdexcept>

namespace xr::apps {

/// Thrown where the program has put everything in order after the first signal. No Error: nothing failed.
class Interrupted : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// From now on a first SIGINT or SIGTERM is only remembered.
void catch_interrupts();
[[nodiscard]] bool interrupted();

}  // namespace xr::apps
