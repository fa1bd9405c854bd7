// A caching allocator per device: a freed block waits for the next request of about its size, so that a
// steady-state training step allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>

#include "kernels/registry.h"

namespace xr::engine {

struct AllocatorStatistics {
  std::size_t bytes_in_use = 0;    ///< of live storages
  std::size_t bytes_reserved = 0;  ///< taken from the device: in use and cached
  std::size_t peak_bytes_reserved = 0;
  std::int64_t device_allocations = 0;  ///< calls to the device so far; constant in a steady state
};

class CachingAllocator {
 public:
  explicit CachingAllocator(kernels::Backend& backend) : backend_(backend) {}
  CachingAllocator(const CachingAllocator&) = delete;
  CachingAllocator& operator=(const CachingAllocator&) = delete;

  struct Block {
    void* data = nullptr;
    std::size_t bytes = 0;  ///< of the block, at least what was asked for
  };

  /// Reuses the smallest cached block that fits and wastes at most three quarters of itself, else asks the
  /// device; if the device has no memory left, gives the cache back to it and asks again before throwing
  /// Error.
  [[nodiscard]] Block allocate(std::size_t bytes);
  void release(Block block) noexcept;
  /// Gives all cached blocks back to the device.
  void empty_cache() noexcept;
  [[nodiscard]] AllocatorStatistics statistics() const;

 private:
  void empty_cache_locked() noexcept;

  kernels::Backend& backend_;
  mutable std::mutex mutex_;
  std::multimap<std::size_t, void*> cached_;  // by size
  AllocatorStatistics statistics_;
};

/// The allocator of a device; lives as long as the process, since storages may outlive every other static.
[[nodiscard]] CachingAllocator& allocator(const kernels::Device& device);

}  // namespace xr::engine
