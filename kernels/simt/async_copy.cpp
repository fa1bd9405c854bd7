#include "kernels/simt/async_copy.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "kernels/common/error.h"
#include "kernels/simt/pending_copies.h"

namespace xr::kernels::simt::detail {

namespace {

struct Copy {
  void* shared;
  const void* global;
  int bytes;
  int valid_bytes;
  unsigned group;
  Site site;
};

struct Pending {
  std::vector<Copy> copies;  // in the order of issue
  unsigned group = 0;        // the one that is open
};

std::array<Pending, max_threads_per_block> pending;  // by thread of the block

void land(const Copy& copy) {
  if (copy.valid_bytes > 0) std::memcpy(copy.shared, copy.global, static_cast<std::size_t>(copy.valid_bytes));
  std::memset(static_cast<std::byte*>(copy.shared) + copy.valid_bytes, 0,
              static_cast<std::size_t>(copy.bytes - copy.valid_bytes));
}

}  // namespace

void copy_async(void* shared, const void* global, int bytes, int valid_bytes, const Site& site) {
  const auto size = static_cast<unsigned>(bytes);
  const auto aligned = [&](const void* address) {
    return reinterpret_cast<std::uintptr_t>(address) % size == 0;
  };
  if (!aligned(shared))
    fail(site, fmt::format("the shared address {} is not a multiple of {}", shared, bytes));
  if (!aligned(global))
    fail(site, fmt::format("the global address {} is not a multiple of {}", global, bytes));
  if (valid_bytes < 0 || valid_bytes > bytes)
    fail(site, fmt::format("{} valid bytes of {}", valid_bytes, bytes));
  std::memset(shared, 0xFF, size);
  Pending& mine = pending[thread_rank()];
  mine.copies.push_back({shared, global, bytes, valid_bytes, mine.group, site});
}

void copy_async_commit() {
  ++pending[thread_rank()].group;
}

void copy_async_wait(int groups) {
  Pending& mine = pending[thread_rank()];
  std::size_t landed = 0;
  while (landed < mine.copies.size() &&
         mine.copies[landed].group + static_cast<unsigned>(groups) < mine.group)
    land(mine.copies[landed++]);
  mine.copies.erase(mine.copies.begin(), mine.copies.begin() + static_cast<std::ptrdiff_t>(landed));
}

void check_copies_landed() {
  Pending& mine = pending[thread_rank()];
  if (mine.copies.empty()) return;
  const Site site = mine.copies.front().site;
  fail(site,
       "the thread ended without having waited for the copy: call copy_async_commit and copy_async_wait");
}

void forget_copies() {
  for (Pending& p : pending) {
    p.copies.clear();
    p.group = 0;
  }
}

}  // namespace xr::kernels::simt::detail
