#include "engine/allocator.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace xr::engine {

namespace {

// Small blocks come in multiples of 512 bytes, large ones of 64 KiB, so that near sizes share blocks.
std::size_t rounded(std::size_t bytes) {
  const std::size_t unit = bytes < (std::size_t{1} << 20) ? 512 : (std::size_t{64} << 10);
  return std::max<std::size_t>(1, (bytes + unit - 1) / unit) * unit;
}

}  // namespace

CachingAllocator::Block CachingAllocator::allocate(std::size_t bytes) {
  const std::size_t wanted = rounded(bytes);
  const std::lock_guard lock(mutex_);
  if (const auto found = cached_.lower_bound(wanted); found != cached_.end() && found->first <= 4 * wanted) {
    const Block block{found->second, found->first};
    cached_.erase(found);
    statistics_.bytes_in_use += block.bytes;
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
  statistics_.bytes_in_use += wanted;
  statistics_.bytes_reserved += wanted;
  statistics_.peak_bytes_reserved = std::max(statistics_.peak_bytes_reserved, statistics_.bytes_reserved);
  return {data, wanted};
}

void CachingAllocator::release(Block block) noexcept {
  if (block.data == nullptr) return;
  const std::lock_guard lock(mutex_);
  statistics_.bytes_in_use -= block.bytes;
  try {
    cached_.emplace(block.bytes, block.data);
  } catch (const std::bad_alloc&) {
    backend_.deallocate(block.data, block.bytes);
    statistics_.bytes_reserved -= block.bytes;
  }
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
