// One operation, computed by every kernel that can: checked first, then timed.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apps/xrbench/counters/counters_table.h"
#include "apps/xrbench/operation.h"
#include "apps/xrbench/timing.h"

namespace xr::bench {

/// Measured, in the same run and the same precision.
struct Ceilings {
  double copy_bandwidth = 0;  ///< bytes per second, read and written ones counted
  double product_rate = 0;    ///< floating-point operations per second of a large matrix product
  std::string copied_by, multiplied_by;
  std::vector<std::string> wrong = {};  ///< products that were left out, and why
};

struct RaceSettings {
  kernels::Precision precision = kernels::Precision::fp32;
  bool own = true;                          ///< hand-written kernels and their variants
  bool library = true;                      ///< cuDNN and cuBLAS, on the CPU oneDNN
  std::string why_no_library = {};          ///< said in each result, where `library` is false
  bool time = true;                         ///< false: only checked
  const CountersTable* counters = nullptr;  ///< count what is launched; null: do not
  TimingSettings timing;
  std::int64_t rotate_bytes = std::int64_t{256} << 20;  ///< operands are rotated until they fill this
  int max_rotations = 16;
};

/// What one kernel did.
struct Run {
  std::string kernel = {};  ///< of the launch that moves or computes most, "+ 2" for two more launches
  std::string variant =
      {};  ///< BackendOptions::variant that chose it; empty: what the backend takes by itself
  bool is_library = false;
  std::vector<kernels::LaunchRecord> launches = {};
  std::string error = {};  ///< what it threw; it then has neither difference nor timing
  double difference = 0;   ///< from the reference: relative norm
  bool is_reference =
      false;              ///< the same kernel in the same precision as the reference: difference says nothing
  bool is_wrong = false;  ///< the difference is above the tolerance, or not a number, or there is an error
  std::optional<Timing> timing = std::nullopt;
  std::vector<KernelCounters> counters = {};  ///< by kernel, if counted

  /// That the launches must move and compute by their own account; 0 where nothing was recorded.
  [[nodiscard]] std::int64_t recorded_bytes() const;
  [[nodiscard]] std::int64_t recorded_operations() const;
};

struct RaceResult {
  std::string name, shape;
  std::int64_t bytes = 0, operations = 0;  ///< of the call
  double tolerance = 0;
  /// Where the reference failed, its error is the only row.
  std::vector<Run> runs;
  std::string why_no_library = {};  ///< where no row is the library's
  const Gpu* counted_for = nullptr;

  /// The fastest of the right ones, and the fastest right one of a library; null if there is none.
  [[nodiscard]] const Run* winner() const;
  [[nodiscard]] const Run* library() const;
};

/// Seconds that bytes and operations take at the ceilings: the larger of the two.
[[nodiscard]] double min_seconds(const Ceilings& ceilings, std::int64_t bytes, std::int64_t operations);

/// The largest relative norm difference from the fp32 reference that rounding explains.
[[nodiscard]] double tolerance_of(const Operation& operation, kernels::Precision precision);

/// Configures the backend as it needs and leaves it in the settings' precision. `reference` is the same
/// operation with f32 activations: the plain kernel in fp32 computes what the others are compared with.
[[nodiscard]] RaceResult race(kernels::Backend& backend, const Operation& operation,
                              const Operation& reference, const RaceSettings& settings);

}  // namespace xr::bench
