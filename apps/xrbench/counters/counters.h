// What kernels execute and move, counted on the software GPU: no times.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/software_gpu/kinds.h"

namespace xr::bench {

using software_gpu::kind_names;  // classes of PTX instructions

/// Accesses of a warp. Units are sectors of 32 bytes for global memory; for shared memory wavefronts, passes over its 32
/// banks. `least` is what the same lanes would need if their addresses lay side by side.
struct Traffic {
  std::int64_t requests = 0, units = 0, least = 0;

  Traffic& operator+=(const Traffic& other);
  /// Units over the least; 1 where there are none.
  [[nodiscard]] double ratio() const;
  [[nodiscard]] double per_request() const;
};

/// The instructions of a source line that need more than the least.
struct WastefulLine {
  std::string place;  ///< "kernels/cuda/reduce.h:61"
  Traffic global, shared;
};

/// Of one launch.
struct LaunchCounters {
  std::string symbol, kernel;  ///< as in the PTX, and for people
  std::string_view ptx;        ///< that has the kernel; as long as the program
  std::int64_t blocks = 0;
  int threads = 0;                                             ///< of a block
  std::int64_t dynamic_shared = 0, static_shared = 0;          ///< bytes
  std::array<std::int64_t, kind_names.size()> instructions{};  ///< of warps
  std::int64_t lanes = 0;                                      ///< the sum over all instructions
  Traffic global, shared;
  std::int64_t touched_bytes = 0;  ///< different sectors of global memory, in bytes
  std::int64_t tf32_operations =
      0;  ///< of tensor cores, floating-point, two for a multiplication and addition
  std::int64_t bf16_operations = 0;    ///< the same
  std::vector<WastefulLine> wasteful;  ///< the most wasteful first

  [[nodiscard]] std::int64_t all_instructions() const;
};

/// What the compiler makes of a kernel.
struct KernelResources {
  int registers = 0;                      ///< of a thread
  int spill_stores = 0, spill_loads = 0;  ///< bytes of a thread
};

/// Whether this build can count: it has the software GPU.
[[nodiscard]] bool can_count();

/// Does the work, which must wait for the device at its end, and returns its launches in order. Throws Error where
/// can_count() is false.
[[nodiscard]] std::vector<LaunchCounters> count_launches(const std::function<void()>& work);

/// ptxas's report of a kernel for sm_90a, or for the GPU of its PTX if that is newer; kept by the kernel's name. Throws
/// Error if ptxas does not run, or where can_count() is false.
[[nodiscard]] const KernelResources& resources_of(const LaunchCounters& launch);

}  // namespace xr::bench
