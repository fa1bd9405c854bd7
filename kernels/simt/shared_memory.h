// The shared memory of the one block that runs.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace xr::kernels::simt::detail {

class SharedMemory {
 public:
  SharedMemory();
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  /// Before a launch: `bytes` of dynamic shared memory, between guard zones.
  void start(std::size_t bytes);
  /// Before a block: dynamic and static shared memory hold 0xFF, NaN in every floating-point type.
  void poison();
  /// After a block: what was written into a guard zone, or nothing.
  std::string overrun();

  [[nodiscard]] void* dynamic() const { return dynamic_; }

 private:
  void protect_guards(bool on);

  std::byte* reserved_ = nullptr;
  std::byte* dynamic_ = nullptr;
  std::size_t bytes_ = 0;
  std::vector<std::span<std::byte>> static_;
};

}  // namespace xr::kernels::simt::detail
