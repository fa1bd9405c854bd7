// Memory for one call of a library.
#pragma once

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "kernels/cudnn/operations.h"

namespace xr::kernels::cudnn {

/// Device memory that grows to the largest size asked for; valid until the next call of get, and for recorded
/// work for ever.
class Workspace {
 public:
  explicit Workspace(const Place& place) : own_(place.own), has_captured_(place.has_captured) {}
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  ~Workspace();

  [[nodiscard]] std::byte* get(std::size_t bytes);

 private:
  Backend& own_;
  std::function<bool()> has_captured_;
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
  std::vector<std::pair<std::byte*, std::size_t>> old_;  // that recorded work may still use
};

/// `bytes` rounded up, so that what lies behind is aligned as cudaMalloc aligns.
[[nodiscard]] constexpr std::size_t aligned(std::size_t bytes) {
  return (bytes + 255) / 256 * 256;
}

}  // namespace xr::kernels::cudnn
