// The device's memory: what was allocated and not freed yet. Device pointers are the host's.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "kernels/software_gpu/widths.h"

namespace xr::software_gpu {

/// Which blocks used four bytes of global memory in the launch `epoch`; block + 1.
struct GlobalWord {
  u32 epoch = 0, writer = 0, reader = 0;
};

/// Every device may use it.
constexpr int any_device = -1;

struct Range {
  u64 begin = 1, end = 0;
  int device = any_device;
  GlobalWord* words = nullptr;
  [[nodiscard]] bool contains(u64 address, u64 bytes) const {
    return address >= begin && address < end && bytes <= end - address;
  }
};

class Allocations {
 public:
  void add(u64 begin, u64 bytes, int device = any_device);
  void remove(u64 begin);
  /// The allocation with the highest begin that is not above the address; empty if there is none.
  [[nodiscard]] Range find(u64 address) const;
  /// The same, with words for races.
  [[nodiscard]] Range find_with_words(u64 address);

 private:
  struct Allocation {
    u64 end = 0;
    int device = any_device;
    std::unique_ptr<GlobalWord[]> words;  ///< made when a kernel uses it first
  };
  std::map<u64, Allocation> by_begin_;
};

/// Memory of a kernel's own.
class GlobalVariable {
 public:
  explicit GlobalVariable(u64 bytes);
  GlobalVariable(const GlobalVariable&) = delete;
  GlobalVariable& operator=(const GlobalVariable&) = delete;
  ~GlobalVariable();
  [[nodiscard]] u8* data() { return bytes_.data(); }

 private:
  std::vector<u8> bytes_;
};

/// Made at the first use and never destroyed: static objects of the program free memory at exit.
Allocations& allocations();

}  // namespace xr::software_gpu
