// Copies to the device that wait for nothing.
#pragma once

#include <cuda_runtime_api.h>

#include <array>
#include <cstddef>
#include <mutex>

namespace xr::kernels::cuda {

/// Usable from several threads. Through page-locked slots: the host's memory has been read when copy()
/// returns, and the stream is waited for only if all slots are still under way. From pageable memory
/// cudaMemcpyAsync may wait for the whole stream, and whether it has read the memory when it returns depends
/// on the machine (CUDA Runtime API, "API synchronization behavior").
class UploadRing {
 public:
  UploadRing() = default;
  UploadRing(const UploadRing&) = delete;
  UploadRing& operator=(const UploadRing&) = delete;
  ~UploadRing();

  void copy(void* device, const void* host, std::size_t bytes, cudaStream_t stream);

 private:
  static constexpr std::size_t slot_count = 8, slot_bytes = std::size_t{4} << 20;
  struct Slot {
    void* data = nullptr;
    cudaEvent_t done = nullptr;  ///< recorded behind the latest copy from here
  };
  Slot& next_slot();

  std::mutex mutex_;
  std::array<Slot, slot_count> slots_;
  std::size_t next_ = 0;
};

}  // namespace xr::kernels::cuda
