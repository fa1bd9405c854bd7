// Memory and copies.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "kernels/software_gpu/options.h"
#include "kernels/software_gpu/runtime/runtime.h"

using namespace xr::software_gpu;

namespace {

/// Memory with margins that belong to no allocation, so that one byte beyond is found; NaN until it is written.
void* allocate(std::size_t bytes, int device) {
  constexpr u64 margin = 512, alignment = 256;
  auto* const raw = static_cast<u8*>(std::malloc(bytes + 2 * margin));
  if (raw == nullptr) return nullptr;
  const u64 begin = (reinterpret_cast<u64>(raw) + margin) / alignment * alignment;
  auto* const data = reinterpret_cast<u8*>(begin);
  std::memset(data, 0xff, bytes);
  runtime().allocated[begin] = raw;
  allocations().add(begin, bytes, device);
  return data;
}

void release(const void* data) {
  const u64 begin = reinterpret_cast<u64>(data);
  allocations().remove(begin);
  std::free(runtime().allocated[begin]);
  runtime().allocated.erase(begin);
}

u64& used() {
  return runtime().used[static_cast<std::size_t>(current_device())];
}

/// A copy that was queued: memory may have been freed since.
void copy_now(void* to, const void* from, std::size_t bytes, bool to_is_ours, bool from_is_ours) {
  if ((to_is_ours && !in_one_allocation(to, bytes)) || (from_is_ours && !in_one_allocation(from, bytes)))
    throw Fault("a queued copy uses memory that was freed");
  std::memmove(to, from, bytes);
}

}  // namespace

extern "C" {

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  XR_GPU_CALL;
  *total = options().memory_bytes;
  *free = *total - used();
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** data, std::size_t bytes) {
  XR_GPU_CALL;
  *data = nullptr;
  if (bytes == 0) return cudaSuccess;
  if (bytes > options().memory_bytes - used() || fails(Failing::allocation))
    return remember(cudaErrorMemoryAllocation);
  *data = allocate(bytes, current_device());
  if (*data == nullptr) return remember(cudaErrorMemoryAllocation);
  used() += bytes;
  return cudaSuccess;
}

cudaError_t cudaFree(void* data) {
  XR_GPU_CALL;
  if (data == nullptr) return cudaSuccess;
  drain_all();
  const u64 begin = reinterpret_cast<u64>(data);
  const Range found = allocations().find(begin);
  if (found.begin != begin || found.device == any_device) return remember(cudaErrorInvalidValue);
  runtime().used[static_cast<std::size_t>(found.device)] -= found.end - found.begin;
  release(data);
  return runtime().broken;
}

cudaError_t cudaMallocHost(void** data, std::size_t bytes) {
  XR_GPU_CALL;
  *data = fails(Failing::pinned) ? nullptr : allocate(bytes, any_device);
  if (*data == nullptr) return remember(cudaErrorMemoryAllocation);
  runtime().pinned[reinterpret_cast<u64>(*data)] = bytes;
  return cudaSuccess;
}

// A GPU waits here too; queued work that still uses the memory is the caller's mistake, and found by copy_now.
cudaError_t cudaFreeHost(void* data) {
  XR_GPU_CALL;
  if (data == nullptr) return cudaSuccess;
  if (runtime().pinned.erase(reinterpret_cast<u64>(data)) == 0) return remember(cudaErrorInvalidValue);
  release(data);
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t queue) {
  XR_GPU_CALL;
  if (kind != cudaMemcpyHostToDevice && kind != cudaMemcpyDeviceToHost && kind != cudaMemcpyDeviceToDevice)
    end_program("cudaMemcpyAsync: kind " + std::to_string(kind) + " is not known");
  if (fails(Failing::copy)) {
    break_device(cudaErrorECCUncorrectable, "an uncorrectable memory error (injected)");
    return runtime().broken;
  }
  if (bytes == 0) return cudaSuccess;
  const bool to_device = kind != cudaMemcpyDeviceToHost, from_device = kind != cudaMemcpyHostToDevice;
  if ((to_device && !in_one_allocation(to, bytes)) || (from_device && !in_one_allocation(from, bytes))) {
    std::fprintf(stderr,
                 "software GPU: FAULT: a copy of %zu bytes from %p to %p (kind %d) leaves its allocation\n",
                 bytes, from, to, static_cast<int>(kind));
    return remember(cudaErrorInvalidValue);
  }
  Stream& stream = stream_of(queue);
  if (stream.recording == nullptr && !to_device &&
      !is_pinned(to)) {  // ordinary memory: done when the call returns
    drain(stream, stream.queued);
    if (runtime().broken == cudaSuccess) std::memcpy(to, from, bytes);
    return runtime().broken;
  }
  if (stream.recording == nullptr && !from_device && !is_pinned(from)) {  // ordinary memory is read now
    const u8* const begin = static_cast<const u8*>(from);
    enqueue(stream, [to, bytes, copy = std::vector<u8>(begin, begin + bytes)] {
      copy_now(to, copy.data(), bytes, true, false);
    });
    return cudaSuccess;
  }
  const bool to_is_ours = to_device || is_pinned(to), from_is_ours = from_device || is_pinned(from);
  enqueue(stream, [=] { copy_now(to, from, bytes, to_is_ours, from_is_ours); });
  return cudaSuccess;
}

}  // extern "C"
