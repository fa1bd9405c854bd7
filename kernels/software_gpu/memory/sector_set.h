// Which sectors of global memory a launch used.
#pragma once

#include <array>
#include <bit>
#include <memory>
#include <unordered_map>

#include "kernels/software_gpu/widths.h"

namespace xr::software_gpu {

class SectorSet {
 public:
  void add(u64 sector) {
    const u64 page = sector / page_sectors, bit = sector % page_sectors;
    if (page != last_page_ || last_ == nullptr) find(page);
    (*last_)[bit / 64] |= u64{1} << bit % 64;
  }
  void add(const SectorSet& other) {
    for (const auto& [page, bits] : other.pages_) {
      find(page);
      for (std::size_t i = 0; i < bits->size(); ++i) (*last_)[i] |= (*bits)[i];
    }
  }
  [[nodiscard]] u64 size() const {
    u64 count = 0;
    for (const auto& [page, bits] : pages_)
      for (const u64 word : *bits) count += static_cast<u64>(std::popcount(word));
    return count;
  }
  void clear() {
    pages_.clear();
    last_ = nullptr;
  }

 private:
  static constexpr u64 page_sectors = 4096;
  using Bits = std::array<u64, page_sectors / 64>;

  void find(u64 page) {
    std::unique_ptr<Bits>& bits = pages_[page];
    if (bits == nullptr) bits = std::make_unique<Bits>();
    last_ = bits.get();
    last_page_ = page;
  }

  std::unordered_map<u64, std::unique_ptr<Bits>> pages_;
  u64 last_page_ = 0;
  Bits* last_ = nullptr;
};

}  // namespace xr::software_gpu
