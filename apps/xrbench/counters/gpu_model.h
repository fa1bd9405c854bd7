// A model of a GPU: from what a kernel executes and moves, the least time that it takes there, and which resource sets it.
// It is arithmetic, no measurement: latencies, waiting and the order of instructions are not in it, so a GPU takes longer.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "apps/xrbench/counters/counters.h"

namespace xr::bench {

enum class Resource : std::uint8_t { issue, l1, shared_memory, l2, dram, tensor_cores };
constexpr std::array<const char*, 6> resource_names = {"issue slots", "L1",   "shared memory",
                                                       "L2",          "DRAM", "tensor cores"};

struct Gpu {
  std::string_view name;
  int multiprocessors;
  double clock;                  ///< Hz, the highest
  double issue_per_clock;        ///< warp instructions of a multiprocessor
  double l1_bytes_per_clock;     ///< of a multiprocessor; shared memory the same, a wavefront of 128 bytes
  double l2_bytes_per_clock;     ///< of the GPU
  double dram_bandwidth;         ///< bytes per second
  double tf32_rate, bf16_rate;   ///< floating-point operations per second, dense
  int registers, register_unit;  ///< of a multiprocessor; given to warps in units
  int shared_bytes, shared_of_system,
      shared_unit;            ///< of a multiprocessor; taken from each block; given in units
  int max_warps, max_blocks;  ///< of a multiprocessor
};

/// "h100" or "h200", both SXM. Throws Error for another name.
[[nodiscard]] const Gpu& gpu_named(std::string_view name);

/// Blocks that a multiprocessor holds at a time.
[[nodiscard]] int resident_blocks(const LaunchCounters& launch, const KernelResources& resources,
                                  const Gpu& gpu);

/// Seconds that each resource needs at least.
struct Bound {
  std::array<double, resource_names.size()> seconds{};

  Bound& operator+=(const Bound& other);
  [[nodiscard]] Resource binding() const;
  [[nodiscard]] double least() const;
};

/// Of one launch. Issue slots, L1, shared memory and tensor cores are counted for the multiprocessor with the most blocks,
/// each an average one; L2 and DRAM for all: each request's sectors, and each different sector once.
[[nodiscard]] Bound bound_of(const LaunchCounters& launch, const Gpu& gpu);

/// All launches of a kernel with blocks of one size, added up.
struct KernelCounters {
  LaunchCounters sum;
  std::int64_t launches = 0;
  Bound bound;
  std::optional<KernelResources> resources = std::nullopt;
};

/// By kernel, in the order of their first launches; the resources are left open.
[[nodiscard]] std::vector<KernelCounters> by_kernel(const std::vector<LaunchCounters>& launches,
                                                    const Gpu& gpu);

}  // namespace xr::bench
