// The options about the machine that eval and predict share.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/registry.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the name of the library
class App;
}

namespace xr::apps {

struct MachineOptions {
  std::string device = "auto", precision = "fp32", kernels = "auto";
  std::int64_t threads = 0, workers = 0, batch_size = 60;

  void add(CLI::App& command);
  /// Sets the number of threads and returns the device. Throws UsageError.
  [[nodiscard]] kernels::Device apply() const;
};

}  // namespace xr::apps
