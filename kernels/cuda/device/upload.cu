#include "kernels/cuda/device/upload.h"

#include <algorithm>
#include <cstring>

#include "kernels/cuda/device/check.h"

namespace xr::kernels::cuda {

UploadRing::~UploadRing() {
  for (const Slot& slot : slots_) {
    if (slot.done != nullptr) {
      cudaEventSynchronize(slot.done);
      cudaEventDestroy(slot.done);
    }
    if (slot.data != nullptr) cudaFreeHost(slot.data);
  }
}

// Memory is taken when it is needed first: small sets need one slot.
UploadRing::Slot& UploadRing::next_slot() {
  Slot& slot = slots_[next_];
  next_ = (next_ + 1) % slot_count;
  if (slot.done == nullptr) XR_CUDA_CHECK(cudaEventCreateWithFlags(&slot.done, cudaEventDisableTiming));
  if (slot.data == nullptr) XR_CUDA_CHECK(cudaMallocHost(&slot.data, slot_bytes));
  XR_CUDA_CHECK(cudaEventSynchronize(slot.done));  // at once for an event that was never recorded
  return slot;
}

void UploadRing::copy(void* device, const void* host, std::size_t bytes, cudaStream_t stream) {
  const std::lock_guard lock(mutex_);
  const auto* from = static_cast<const std::byte*>(host);
  auto* to = static_cast<std::byte*>(device);
  for (std::size_t at = 0; at < bytes;) {
    const std::size_t piece = std::min(slot_bytes, bytes - at);
    const Slot& slot = next_slot();
    std::memcpy(slot.data, from + at, piece);
    XR_CUDA_CHECK(cudaMemcpyAsync(to + at, slot.data, piece, cudaMemcpyHostToDevice, stream));
    XR_CUDA_CHECK(cudaEventRecord(slot.done, stream));
    at += piece;
  }
}

}  // namespace xr::kernels::cuda
