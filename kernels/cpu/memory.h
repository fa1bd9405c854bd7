// Memory of the CPU backend: 64-byte aligned; large blocks in huge pages.
#pragma once

#include <cstddef>
#include <memory>

namespace xr::kernels::cpu {

/// 64-byte aligned, contents unspecified. Throws Error that names the size if there is not enough memory.
[[nodiscard]] void* allocate_memory(std::size_t bytes);
/// `bytes` is what was asked for.
void free_memory(void* data, std::size_t bytes) noexcept;

/// On several threads where there is much.
void copy_bytes(void* to, const void* from, std::size_t bytes);

/// A block that only grows: what an operation needs for the length of a call and keeps for the next one.
class Workspace {
 public:
  Workspace() = default;
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  ~Workspace() { free_memory(data_, bytes_); }

  /// At least that many bytes; what was there before is lost.
  [[nodiscard]] void* get(std::size_t bytes);
  [[nodiscard]] float* floats(std::size_t count) { return static_cast<float*>(get(count * sizeof(float))); }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace xr::kernels::cpu
