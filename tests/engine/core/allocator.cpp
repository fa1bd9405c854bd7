#include "engine/core/allocator.h"

#include <thread>

#include "tests/engine/support.h"

using namespace xr;
using namespace xr::engine;
using namespace xr::engine::test;
using Catch::Matchers::Contains;

namespace {

kernels::Backend& cpu() {
  return kernels::backend({});
}

}  // namespace

TEST_CASE("allocator reuses a freed block of about the size") {
  CachingAllocator allocator(cpu());
  const CachingAllocator::Block first = allocator.allocate(3000);
  CHECK(first.bytes >= 3000);
  CHECK(reinterpret_cast<std::uintptr_t>(first.data) % 64 == 0);
  CHECK(allocator.statistics().bytes_in_use == first.bytes);
  allocator.release(first);
  CHECK(allocator.statistics().bytes_in_use == 0);
  CHECK(allocator.statistics().bytes_reserved == first.bytes);

  const CachingAllocator::Block again = allocator.allocate(2000);
  CHECK(again.data == first.data);
  CHECK(again.bytes == first.bytes);
  CHECK(allocator.statistics().device_allocations == 1);

  const CachingAllocator::Block other = allocator.allocate(2000);
  CHECK(other.data != first.data);
  CHECK(allocator.statistics().device_allocations == 2);
  allocator.release(again);
  allocator.release(other);
  allocator.empty_cache();
}

TEST_CASE("allocator takes the smallest block that fits and wastes no large one") {
  CachingAllocator allocator(cpu());
  const CachingAllocator::Block large = allocator.allocate(1 << 20), middle = allocator.allocate(1 << 14),
                                small = allocator.allocate(1 << 13);
  for (const auto& block : {large, middle, small}) allocator.release(block);
  const CachingAllocator::Block fits = allocator.allocate(1 << 13);
  CHECK(fits.data == small.data);
  const CachingAllocator::Block next = allocator.allocate(1 << 13);
  CHECK(next.data == middle.data);
  const CachingAllocator::Block fresh = allocator.allocate(1 << 13);  // the large one would waste 99 %
  CHECK(fresh.data != large.data);
  CHECK(allocator.statistics().device_allocations == 4);
  for (const auto& block : {fits, next, fresh}) allocator.release(block);
  allocator.empty_cache();
}

TEST_CASE("allocator statistics and emptying the cache") {
  CachingAllocator allocator(cpu());
  const CachingAllocator::Block a = allocator.allocate(1 << 20), b = allocator.allocate(1 << 16);
  allocator.release(a);
  AllocatorStatistics statistics = allocator.statistics();
  CHECK(statistics.bytes_in_use == b.bytes);
  CHECK(statistics.bytes_reserved == a.bytes + b.bytes);
  allocator.empty_cache();
  statistics = allocator.statistics();
  CHECK(statistics.bytes_reserved == b.bytes);
  CHECK(statistics.peak_bytes_reserved == a.bytes + b.bytes);
  allocator.release(b);
  allocator.empty_cache();
  CHECK(allocator.statistics().bytes_reserved == 0);
  allocator.release({});  // nothing
}

TEST_CASE("allocator gives its cache back before it says that memory is short") {
  CachingAllocator allocator(cpu());
  allocator.release(allocator.allocate(1 << 20));
  REQUIRE(allocator.statistics().bytes_reserved > 0);
  constexpr std::size_t too_much = std::size_t{1} << 46;
  const std::string message = error_of([&] { (void)allocator.allocate(too_much); });
  CHECK_THAT(message, Contains("memory"));
  CHECK(allocator.statistics().bytes_reserved == 0);
  CHECK(allocator.statistics().bytes_in_use == 0);
  allocator.release(allocator.allocate(1000));  // goes on working
  CHECK(allocator.statistics().bytes_in_use == 0);
  allocator.empty_cache();
}

TEST_CASE("allocator gives blocks of zero bytes an address") {
  CachingAllocator allocator(cpu());
  const CachingAllocator::Block block = allocator.allocate(0);
  CHECK(block.data != nullptr);
  allocator.release(block);
  allocator.empty_cache();
}

TEST_CASE("allocator serves several threads") {
  CachingAllocator allocator(cpu());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&allocator, t] {
      for (int i = 0; i < 500; ++i) {
        const CachingAllocator::Block block = allocator.allocate(static_cast<std::size_t>(600 * (i % 7 + 1)));
        std::memset(block.data, t, block.bytes);
        allocator.release(block);
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(allocator.statistics().bytes_in_use == 0);
  allocator.empty_cache();
  CHECK(allocator.statistics().bytes_reserved == 0);
}
