// Kernels: looking them up, their attributes, launches.
#include <cstring>
#include <utility>

#include "kernels/software_gpu/decode/decode.h"
#include "kernels/software_gpu/launch.h"
#include "kernels/software_gpu/runtime/runtime.h"

namespace xr::software_gpu {

namespace {

constexpr std::size_t shared_without_asking = 48 * 1024, shared_at_most = 227 * 1024;  // of sm_90

cudaError_t check_launch(const Function& function, dim3 grid, dim3 block, std::size_t shared) {
  const Kernel& kernel = *function.kernel;
  const u64 threads = u64{block.x} * block.y * block.z;
  if (threads == 0 || threads > kernel.max_threads || threads > 1024 || block.z > 64)
    return cudaErrorInvalidConfiguration;
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535)
    return cudaErrorInvalidConfiguration;
  const std::size_t fixed = function.allowed_shared == shared_without_asking ? kernel.static_shared : 0;
  if (shared + fixed > function.allowed_shared || shared + kernel.static_shared > shared_at_most)
    return cudaErrorInvalidValue;
  return cudaSuccess;
}

cudaError_t launch(const void* host, dim3 grid, dim3 block, void** arguments, std::size_t shared,
                   cudaStream_t stream) {
  const Function* const function = find_function(host);
  if (function == nullptr) return cudaErrorInvalidDeviceFunction;
  if (const cudaError_t status = check_launch(*function, grid, block, shared); status != cudaSuccess)
    return status;
  const int device = stream == nullptr ? current_device() : stream_of(stream).device;
  if (device != current_device()) return cudaErrorInvalidResourceHandle;
  if (fails(Failing::launch)) return cudaErrorLaunchOutOfResources;
  Kernel& kernel = *function->kernel;
  Launch one{.kernel = &kernel,
             .grid = {grid.x, grid.y, grid.z},
             .block = {block.x, block.y, block.z},
             .dynamic_shared = static_cast<u32>(shared),
             .device = device,
             .parameters = std::vector<u8>(kernel.parameter_bytes)};
  for (std::size_t i = 0; i < kernel.parameters.size(); ++i)
    std::memcpy(one.parameters.data() + kernel.parameters[i].offset, arguments[i], kernel.parameters[i].size);
  enqueue(stream_of(stream), [one = std::move(one)] {
    if (fails(Failing::fault)) throw Fault(one.kernel->title + ": a fault (injected)");
    execute(one);
  });
  return cudaSuccess;
}

/// Of "kernel<<<...>>>(...)": pushed by the expression, popped by nvcc's stub.
struct Configuration {
  dim3 grid, block;
  std::size_t shared;
  cudaStream_t stream;
};
thread_local std::vector<Configuration> configurations;

}  // namespace

Function* find_function(const void* host) {
  const auto found = runtime().functions.find(host);
  if (found == runtime().functions.end()) return nullptr;
  Function& function = found->second;
  if (function.kernel != nullptr) return &function;
  for (const std::string_view text : function.module->texts)
    if (text.find(".entry " + function.name + "(") != std::string_view::npos) {
      try {
        function.kernel = decode(text, function.name);
        function.kernel->module = text;
      } catch (const NotSupported& error) {
        end_program(error.what());
      }
      return &function;
    }
  return nullptr;
}

}  // namespace xr::software_gpu

using namespace xr::software_gpu;

extern "C" {

unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, std::size_t shared, struct CUstream_st* stream) {
  configurations.push_back({grid, block, shared, stream});
  return 0;
}

cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* block, std::size_t* shared, void* stream) {
  if (configurations.empty()) return cudaErrorMissingConfiguration;
  const Configuration last = configurations.back();
  configurations.pop_back();
  *grid = last.grid;
  *block = last.block;
  *shared = last.shared;
  *static_cast<cudaStream_t*>(stream) = last.stream;
  return cudaSuccess;
}

// The handle of a kernel is the host's function itself.
cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* host) {
  *kernel = reinterpret_cast<cudaKernel_t>(const_cast<void*>(host));
  return cudaSuccess;
}

cudaError_t cudaLaunchKernel(const void* host, dim3 grid, dim3 block, void** arguments, std::size_t shared,
                             cudaStream_t stream) {
  XR_GPU_CALL;
  return remember(launch(host, grid, block, arguments, shared, stream));
}

cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 block, void** arguments,
                               std::size_t shared, cudaStream_t stream) {
  return cudaLaunchKernel(reinterpret_cast<const void*>(kernel), grid, block, arguments, shared, stream);
}

cudaError_t cudaFuncSetAttribute(const void* host, cudaFuncAttribute attribute, int value) {
  XR_GPU_CALL;
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize)
    end_program("cudaFuncSetAttribute: attribute " + std::to_string(attribute) + " is not known");
  Function* const function = find_function(host);
  if (function == nullptr) return remember(cudaErrorInvalidDeviceFunction);
  if (value < 0 || static_cast<u32>(value) + function->kernel->static_shared > shared_at_most)
    return remember(cudaErrorInvalidValue);
  function->allowed_shared = static_cast<std::size_t>(value);
  return cudaSuccess;
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* host) {
  XR_GPU_CALL;
  const Function* const function = find_function(host);
  if (function == nullptr) return remember(cudaErrorInvalidDeviceFunction);
  *attributes = {};
  attributes->maxThreadsPerBlock = static_cast<int>(function->kernel->max_threads);
  attributes->sharedSizeBytes = function->kernel->static_shared;
  attributes->localSizeBytes = function->kernel->local_bytes;
  attributes->ptxVersion = attributes->binaryVersion = 90;
  return cudaSuccess;
}

}  // extern "C"
