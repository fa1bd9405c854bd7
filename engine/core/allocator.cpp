#include "engine/core/allocator.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace xr::engine {

namespace {

// Small blocks come in multiples of 512 bytes, large ones of 64 KiB, so that near sizes share blocks.
std::size_t rounded(std::size_t bytes) {
  const std::size_t unit = bytes < (std::size_t{1} << 20) ? 512 : (std::size_t{64} << 10);
  return std::max<std::size_t>(1, (bytes + unit - 1) / unit) * unit;
}

// The smallest block in `cached` that fits and wastes at most three quarters of itself.
std::multimap<std::size_t, void*>::iterator fitting(std::multimap<std::size_t, void*>& cached,
                                                    std::size_t wanted) {
  const auto found = cached.lower_bound(wanted);
  return found != cached.end() && found->first <= 4 * wanted ? found : cached.end();
}

}  // namespace

CachingAllocator::Block CachingAllocator::take_locked(std::size_t wanted) {
  std::vector<Cache*> caches;
  if (open_reservation_ != 0) caches.push_back(&reservations_[open_reservation_].cached);
  caches.push_back(&cached_);
  for (Cache* cache : caches)
    if (const auto found = fitting(*cache, wanted); found != cache->end()) {
      const Block block{found->second, found->first};
      cache->erase(found);
      return block;
    }
  void* data = nullptr;
  try {
    data = backend_.allocate(wanted);
  } catch (const Error&) {
    if (cached_.empty()) throw;
    empty_cache_locked();
    data = backend_.allocate(wanted);
  }
  ++statistics_.device_allocations;
  statistics_.bytes_reserved += wanted;
  statistics_.peak_bytes_reserved = std::max(statistics_.peak_bytes_reserved, statistics_.bytes_reserved);
  return {data, wanted};
}

CachingAllocator::Block CachingAllocator::allocate(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  const Block block = take_locked(rounded(bytes));
  if (open_reservation_ != 0) reservations_[open_reservation_].blocks.insert(block.data);
  statistics_.bytes_in_use += block.bytes;
  return block;
}

CachingAllocator::Cache& CachingAllocator::cache_of_locked(void* data) {
  for (auto& [number, reservation] : reservations_)
    if (reservation.blocks.contains(data)) return reservation.cached;
  return cached_;
}

void CachingAllocator::release(Block block) noexcept {
  if (block.data == nullptr) return;
  const std::lock_guard lock(mutex_);
  statistics_.bytes_in_use -= block.bytes;
  try {
    cache_of_locked(block.data).emplace(block.bytes, block.data);
  } catch (const std::bad_alloc&) {
    backend_.deallocate(block.data, block.bytes);
    statistics_.bytes_reserved -= block.bytes;
  }
}

void CachingAllocator::begin_reservation() {
  const std::lock_guard lock(mutex_);
  XR_CHECK(open_reservation_ == 0, "an allocator can make one reservation at a time");
  open_reservation_ = next_reservation_++;
  reservations_[open_reservation_];
}

int CachingAllocator::end_reservation() {
  const std::lock_guard lock(mutex_);
  XR_CHECK(open_reservation_ != 0, "no reservation was begun");
  return std::exchange(open_reservation_, 0);
}

void CachingAllocator::release_reservation(int number) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = reservations_.find(number);
  if (found == reservations_.end()) return;
  cached_.merge(found->second.cached);
  reservations_.erase(found);
}

void CachingAllocator::empty_cache() noexcept {
  const std::lock_guard lock(mutex_);
  empty_cache_locked();
}

void CachingAllocator::empty_cache_locked() noexcept {
  for (const auto& [bytes, data] : cached_) {
    backend_.deallocate(data, bytes);
    statistics_.bytes_reserved -= bytes;
  }
  cached_.clear();
}

AllocatorStatistics CachingAllocator::statistics() const {
  const std::lock_guard lock(mutex_);
  return statistics_;
}

CachingAllocator& allocator(const kernels::Device& device) {
  static auto& mutex = *new std::mutex;
  static auto& allocators =
      *new std::map<std::pair<kernels::DeviceType, int>, std::unique_ptr<CachingAllocator>>;
  const std::lock_guard lock(mutex);
  std::unique_ptr<CachingAllocator>& slot = allocators[{device.type, device.index}];
  if (!slot) slot = std::make_unique<CachingAllocator>(kernels::backend(device));
  return *slot;
}

}  // namespace xr::engine
