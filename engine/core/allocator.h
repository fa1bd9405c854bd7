// A caching allocator per device: a freed block waits for the next request of about its size, so that a
// steady-state training step allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>

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

  [[nodiscard]] kernels::Backend& backend() const { return backend_; }

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

  /// Blocks handed out from now on until end_reservation belong to the reservation: released, they wait for
  /// its next request and for no other, so that a Capture that works on them can be replayed at any time.
  void begin_reservation();
  /// Its number, for release_reservation.
  [[nodiscard]] int end_reservation();
  /// The blocks are ordinary again. No work that uses them may be queued any more.
  void release_reservation(int number) noexcept;
  [[nodiscard]] AllocatorStatistics statistics() const;

 private:
  using Cache = std::multimap<std::size_t, void*>;  // by size
  struct Reservation {
    Cache cached;
    std::set<void*> blocks;  // cached ones and those in use
  };
  void empty_cache_locked() noexcept;
  [[nodiscard]] Block take_locked(std::size_t wanted);
  [[nodiscard]] Cache& cache_of_locked(void* data);

  kernels::Backend& backend_;
  mutable std::mutex mutex_;
  Cache cached_;
  std::map<int, Reservation> reservations_;
  int next_reservation_ = 1, open_reservation_ = 0;  // 0: none is open
  AllocatorStatistics statistics_;
};

/// The allocator of a device; lives as long as the process, since storages may outlive every other static.
[[nodiscard]] CachingAllocator& allocator(const kernels::Device& device);

}  // namespace xr::engine
