#include "kernels/software_gpu/allocations.h"

#include <iterator>

namespace xr::software_gpu {

void Allocations::add(u64 begin, u64 bytes, int device) {
  by_begin_[begin] = {.end = begin + bytes, .device = device, .words = nullptr};
}

void Allocations::remove(u64 begin) {
  by_begin_.erase(begin);
}

Range Allocations::find(u64 address) const {
  const auto next = by_begin_.upper_bound(address);
  if (next == by_begin_.begin()) return {};
  const auto& [begin, found] = *std::prev(next);
  return {begin, found.end, found.device, found.words.get()};
}

Range Allocations::find_with_words(u64 address) {
  Range range = find(address);
  if (range.words != nullptr || range.end <= range.begin) return range;
  std::unique_ptr<GlobalWord[]>& words = by_begin_[range.begin].words;
  words = std::make_unique<GlobalWord[]>((range.end - range.begin + 3) / 4);
  range.words = words.get();
  return range;
}

GlobalVariable::GlobalVariable(u64 bytes) : bytes_(bytes) {
  allocations().add(reinterpret_cast<u64>(data()), bytes);
}

GlobalVariable::~GlobalVariable() {
  allocations().remove(reinterpret_cast<u64>(data()));
}

Allocations& allocations() {
  static auto* const all = new Allocations;
  return *all;
}

}  // namespace xr::software_gpu
