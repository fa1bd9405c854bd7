#include "kernels/simt/shared_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "kernels/common/error.h"
#include "kernels/simt/executor.h"
#include "kernels/simt/program_image.h"
#include "kernels/simt/sanitizers.h"

namespace xr::kernels::simt::detail {

namespace {

// One mapping: far | guard | dynamic shared memory | guard | far. What is beyond a guard zone faults.
constexpr std::size_t far_bytes = 1 << 20;
constexpr std::size_t guard_bytes = 4096;
constexpr std::size_t usable_bytes = (2 * guard_bytes + max_shared_bytes + 65535) / 65536 * 65536;
constexpr std::size_t reserved_bytes = 2 * far_bytes + usable_bytes;

// What a guard zone holds: NaN as float, bfloat16 and half, but not the NaN of unwritten memory.
using Guard = std::array<std::byte, guard_bytes>;
const Guard& guard() {
  static const Guard pattern = [] {
    Guard result;
    for (std::size_t i = 0; i < guard_bytes; ++i) result[i] = std::byte(i % 2 == 0 ? 0xA5 : 0xFF);
    return result;
  }();
  return pattern;
}

// The first byte that differs, or guard_bytes.
std::size_t mismatch(const std::byte* zone) {
  if (std::memcmp(zone, guard().data(), guard_bytes) == 0) return guard_bytes;
  return static_cast<std::size_t>(std::mismatch(guard().begin(), guard().end(), zone).first -
                                  guard().begin());
}

// memset where AddressSanitizer may have poisoned bytes: the zones that it puts between variables. It would
// check memset itself, and takes most of its time here if this is done by bytes.
#if defined(XR_SIMT_ASAN)
__attribute__((no_sanitize("address", "undefined"))) void fill(std::span<std::byte> memory) {
  using Word [[gnu::may_alias]] = std::uint64_t;
  volatile std::byte* byte = memory.data();
  const volatile std::byte* const end = byte + memory.size();
  for (; byte != end && reinterpret_cast<std::uintptr_t>(byte) % sizeof(Word) != 0; ++byte)
    *byte = std::byte{0xFF};
  for (; end - byte >= static_cast<std::ptrdiff_t>(sizeof(Word)); byte += sizeof(Word))
    *reinterpret_cast<volatile Word*>(byte) = ~Word{0};
  for (; byte != end; ++byte) *byte = std::byte{0xFF};
}
#else
void fill(std::span<std::byte> memory) {
  std::memset(memory.data(), 0xFF, memory.size());
}
#endif

}  // namespace

SharedMemory::SharedMemory() : static_(static_shared_memory()) {
  void* mapping =
      mmap(nullptr, reserved_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  XR_CHECK(mapping != MAP_FAILED, "simt: no memory for shared memory");
  reserved_ = static_cast<std::byte*>(mapping);
  mprotect(reserved_ + far_bytes, usable_bytes, PROT_READ | PROT_WRITE);
  dynamic_ = reserved_ + far_bytes + guard_bytes;
}

SharedMemory::~SharedMemory() {
  protect_guards(false);
  munmap(reserved_, reserved_bytes);
}

void SharedMemory::start(std::size_t bytes) {
  protect_guards(false);
  bytes_ = bytes;
  std::memcpy(dynamic_ - guard_bytes, guard().data(), guard_bytes);
  std::memcpy(dynamic_ + bytes_, guard().data(), guard_bytes);
  protect_guards(true);
}

void SharedMemory::protect_guards([[maybe_unused]] bool on) {
#if defined(XR_SIMT_ASAN)
  for (std::byte* guard : {dynamic_ - guard_bytes, dynamic_ + bytes_}) {
    if (on)
      ASAN_POISON_MEMORY_REGION(guard, guard_bytes);
    else
      ASAN_UNPOISON_MEMORY_REGION(guard, guard_bytes);
  }
#endif
}

void SharedMemory::poison() {
  std::memset(dynamic_, 0xFF, bytes_);
  for (const auto memory : static_) fill(memory);
}

std::string SharedMemory::overrun() {
  protect_guards(false);
  const std::size_t behind = mismatch(dynamic_ + bytes_), before = mismatch(dynamic_ - guard_bytes);
  protect_guards(true);
  if (behind != guard_bytes)
    return fmt::format("wrote behind its {} bytes of dynamic shared memory, at byte {}", bytes_,
                       bytes_ + behind);
  if (before != guard_bytes)
    return fmt::format("wrote in front of its dynamic shared memory, at byte -{}", guard_bytes - before);
  return {};
}

}  // namespace xr::kernels::simt::detail
