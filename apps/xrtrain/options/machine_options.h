// The options about the machine that eval and predict share.
#pragma once

#include <cstdint>
#include <string>

#include "apps/command_line/command_line.h"
#include "apps/xrtrain/distributed/ranks.h"
#include "kernels/registry.h"

namespace xr::apps {

struct MachineOptions {
  std::string device = "auto";
  kernels::Precision precision = kernels::Precision::fp32;
  kernels::KernelChoice kernel_choice = kernels::KernelChoice::automatic;
  std::int64_t threads = 0, workers = 0;
  std::int64_t batch_size = 0;  ///< 0: the command's default

  /// `default_batch`: what the help says of it, "60".
  void add(command_line::Command command, const char* default_batch);
  /// Sets the number of threads and returns the device. Throws UsageError.
  [[nodiscard]] kernels::Device apply() const;
  /// The same for each of several ranks, which must have the same device and number of threads. Rank 0 prints.
  [[nodiscard]] kernels::Device apply(Ranks& ranks) const;
};

/// Seconds that a rank of several waits for another before all end, for the commands that several processes share.
struct WaitOption {
  double seconds = 600;

  void add(command_line::Command command);
};

/// "cuda:0 is simulated, and times mean nothing: ...", or nothing where the device is what its name says.
[[nodiscard]] std::string simulation_text(const kernels::Device& device);

}  // namespace xr::apps
