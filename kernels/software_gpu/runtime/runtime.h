// The state behind the CUDA runtime's functions. Work on a stream waits until somebody waits for it (XR_GPU_STREAMS=eager:
// runs at once), which is the latest that CUDA allows: a host that does not wait sees old data.
#pragma once

#include <cuda_runtime_api.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "kernels/software_gpu/allocations.h"
#include "kernels/software_gpu/fault.h"
#include "kernels/software_gpu/instruction.h"
#include "kernels/software_gpu/options.h"

namespace xr::software_gpu {

using Work = std::function<void()>;

struct Graph {
  std::vector<Work> work;
};

struct Stream {
  int device = 0;
  std::deque<Work> queue;
  u64 queued = 0, done = 0;
  std::unique_ptr<Graph> recording;
  bool capture_broken = false;
};

struct Event {
  Stream* stream = nullptr;
  u64 position = 0;
  bool captured = false;
};

/// What nvcc made of one source file.
struct Module {
  std::vector<std::string_view> texts;  ///< PTX
};

struct Function {
  Module* module = nullptr;
  std::string name;
  std::unique_ptr<Kernel> kernel;  ///< decoded at the first use
  std::size_t allowed_shared = 48 * 1024;
};

struct Runtime {
  std::recursive_mutex mutex;
  std::unordered_map<const void*, Function> functions;  ///< by the host's function
  std::map<u64, u64> pinned;                            ///< begin -> size
  std::map<u64, u8*> allocated;                         ///< begin -> what malloc gave
  std::set<Stream*> streams;
  Stream null_stream;
  std::vector<u64> used;  ///< bytes, by device
  /// What every call returns after a fault, until the process ends: the device's context is lost, as on a GPU.
  cudaError_t broken = cudaSuccess;
  cudaError_t last = cudaSuccess;
  u64 calls[static_cast<int>(Failing::count)]{};
  std::string failure;  ///< what cudaGetErrorString says of `broken`
};

/// Made at the first use, which is the registration of kernels before main; never destroyed, since static objects of the
/// program free memory at exit.
Runtime& runtime();

/// Of the calling thread.
int& current_device();

/// Remembers an error for cudaGetLastError.
cudaError_t remember(cudaError_t status);
/// From now on every call fails.
void break_device(cudaError_t status, const std::string& what);

/// Counts a call of that kind; whether XR_GPU_FAIL lets it fail.
bool fails(Failing what);
/// At the begin of a call: what it returns at once if the device is broken.
cudaError_t begin_call();

Stream& stream_of(cudaStream_t stream);
/// Queues or records work, or does it at once.
void enqueue(Stream& stream, Work work);
/// Does the work up to that position. Faults break the device.
void drain(Stream& stream, u64 up_to);
void drain_all();

/// Whether a region lies within one allocation.
bool in_one_allocation(const void* begin, std::size_t bytes);
bool is_pinned(const void* begin);

/// The kernel of a host's function; null if it is not registered. An instruction that is not known ends the program.
Function* find_function(const void* host);
/// Reads the PTX out of what nvcc embedded in the program.
std::unique_ptr<Module> read_fat_binary(const void* wrapper);

}  // namespace xr::software_gpu

/// At the begin of every function of the runtime: one at a time, and none on a broken device.
#define XR_GPU_CALL                                              \
  const std::lock_guard lock(xr::software_gpu::runtime().mutex); \
  if (const cudaError_t xr_broken = xr::software_gpu::begin_call(); xr_broken != cudaSuccess) return xr_broken
