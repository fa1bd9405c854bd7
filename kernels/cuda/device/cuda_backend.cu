#include "kernels/cuda/device/cuda_backend.h"

#include <memory>

#include "kernels/common/error_codes.h"
#include "kernels/cuda/device/capture.h"
#include "kernels/registry.h"

namespace xr::kernels {

namespace cuda {

namespace {

constexpr int oldest_capability = 80;  // cp.async, TF32 and BF16 tensor cores

// Exists for the question whether this binary has code for the device.
__global__ void probe() {}

// The message for a machine on which CUDA cannot be used at all.
[[noreturn]] void report_unusable(cudaError_t status) {
  switch (status) {
    case cudaErrorInsufficientDriver: {
      int driver = 0, runtime = 0;
      cudaDriverGetVersion(&driver);
      cudaRuntimeGetVersion(&runtime);
      if (driver == 0)
        throw Error(error_code::driver_missing,
                    "device cuda is not available: this machine has no NVIDIA driver");
      throw Error(
          error_code::driver_outdated,
          fmt::format(
              "device cuda is not available: the NVIDIA driver supports CUDA {}.{}, this binary needs {}.{}",
              driver / 1000, driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10));
    }
    case cudaErrorNoDevice:
      throw Error(error_code::device_unavailable,
                  "device cuda is not available: the NVIDIA driver finds no GPU");
    default:
      throw Error(error_code::device_unavailable,
                  fmt::format("device cuda is not available: {}", cudaGetErrorString(status)));
  }
}

/// Whether the binary has no code that the device runs. Other errors say what happened to the device.
bool is_missing_code(cudaError_t status) {
  return status == cudaErrorNoKernelImageForDevice || status == cudaErrorInvalidDeviceFunction ||
         status == cudaErrorInvalidKernelImage || status == cudaErrorInvalidPtx ||
         status == cudaErrorUnsupportedPtxVersion || status == cudaErrorJitCompilerNotFound;
}

// Selects device `index` and makes its stream.
Stream open_device(int index) {
  int count = 0;
  if (const cudaError_t status = cudaGetDeviceCount(&count); status != cudaSuccess) report_unusable(status);
  XR_CHECK_CODE(index < count, error_code::device_unavailable,
                "device cuda:{} does not exist: this machine has {} (cuda:0 to cuda:{})", index, count,
                count - 1);
  cudaDeviceProp properties{};
  XR_CUDA_CHECK(cudaGetDeviceProperties(&properties, index));
  const int capability = 10 * properties.major + properties.minor;
  XR_CHECK_CODE(capability >= oldest_capability, error_code::device_unavailable,
                "device cuda:{}, {}, has compute capability {}.{}: the kernels need 8.0 or newer", index,
                properties.name, properties.major, properties.minor);
  XR_CUDA_CHECK(cudaSetDevice(index));
  cudaFuncAttributes attributes{};
  const cudaError_t status = cudaFuncGetAttributes(&attributes, reinterpret_cast<const void*>(probe));
  XR_CHECK_CODE(
      !is_missing_code(status), error_code::architecture_missing,
      "device cuda:{}, {}, has compute capability {}.{}, for which this binary was not built; configure "
      "it with -D XR_CUDA_ARCHITECTURES={}{}",
      index, properties.name, properties.major, properties.minor, properties.major, properties.minor);
  XR_CUDA_CHECK(status);
  cudaStream_t stream = nullptr;
  XR_CUDA_CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  return stream;
}

}  // namespace

CudaBackend::CudaBackend(int index)
    : RoutedBackend(open_device(index), index), index_(index), uploads_(std::make_unique<UploadRing>()) {
  cudaDeviceProp properties{};
  XR_CUDA_CHECK(cudaGetDeviceProperties(&properties, index));
  int driver = 0;
  XR_CUDA_CHECK(cudaDriverGetVersion(&driver));
  description_ = fmt::format("{}, compute capability {}.{}, {} multiprocessors, {:.1f} GB", properties.name,
                             properties.major, properties.minor, properties.multiProcessorCount,
                             static_cast<double>(properties.totalGlobalMem) / 1e9);
  if (!CudaBackend::is_simulated())
    description_ += fmt::format(", driver for CUDA {}.{}", driver / 1000, driver % 1000 / 10);
}

CudaBackend::~CudaBackend() {
  cudaStreamSynchronize(stream());  // kernels may still use what is freed now
  uploads_.reset();
  free_workspace();
  cudaStreamDestroy(stream());  // its status can no longer help anyone
}

std::string CudaBackend::name() const {
  return fmt::format("cuda:{}", index_);
}

std::string CudaBackend::description() const {
  return description_;
}

bool CudaBackend::is_simulated() const {
#ifdef XR_SOFTWARE_GPU
  return true;
#else
  return false;
#endif
}

void CudaBackend::use_device() const {
  XR_CUDA_CHECK(cudaSetDevice(index_));
}

void* CudaBackend::allocate(std::size_t bytes) {
  use_device();
  void* data = nullptr;
  const cudaError_t status = cudaMalloc(&data, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // a failed allocation is no lasting error: forget it
    std::size_t free = 0, total = 0;
    XR_CUDA_CHECK(cudaMemGetInfo(&free, &total));
    throw Error(
        has_captured() ? error_code::out_of_memory_captured : error_code::out_of_memory,
        fmt::format(
            "out of memory on {}: {:.1f} MB asked for, {:.1f} MB in use by this program, {:.1f} of {:.1f} MB "
            "free",
            name(), static_cast<double>(bytes) / 1e6, static_cast<double>(bytes_in_use_) / 1e6,
            static_cast<double>(free) / 1e6, static_cast<double>(total) / 1e6));
  }
  XR_CUDA_CHECK(status);
  bytes_in_use_ += bytes;
  return data;
}

void CudaBackend::deallocate(void* data, std::size_t bytes) noexcept {
  if (data == nullptr) return;
  cudaFree(data);  // waits for the stream; its status is that of earlier work, which the next call reports
  bytes_in_use_ -= bytes;
}

std::size_t CudaBackend::available_memory() const {
  use_device();
  std::size_t free = 0, total = 0;
  XR_CUDA_CHECK(cudaMemGetInfo(&free, &total));
  return free;
}

void CudaBackend::copy_from_host(void* device, const void* host, std::size_t bytes) {
  const auto lock = outside_capture("a copy from the host");
  use_device();
  uploads_->copy(device, host, bytes, stream());
}

void CudaBackend::copy_to_host(void* host, const void* device, std::size_t bytes) {
  const auto lock = outside_capture("a copy to the host");
  use_device();
  XR_CUDA_CHECK(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, stream()));
  wait_for_stream();
}

void CudaBackend::copy(void* to, const void* from, std::size_t bytes) {
  use_device();
  XR_CUDA_CHECK(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream()));
}

void CudaBackend::synchronize() {
  const auto lock = outside_capture("waiting for the device");
  use_device();
  wait_for_stream();
}

void CudaBackend::wait_for_stream() {
  XR_CUDA_CHECK(cudaStreamSynchronize(stream()));
  throw_data_fault();
}

std::unique_ptr<HostCopy> CudaBackend::make_host_copy(std::size_t bytes) {
  use_device();
  return make_pinned_copy(bytes, stream(), [this] { throw_data_fault(); });
}

void CudaBackend::start_capture() {
  use_device();
  begin_graph(stream());
}

std::unique_ptr<Capture> CudaBackend::finish_capture() {
  return end_graph(stream());
}

// Page-locked memory has the same address on the device.
void* CudaBackend::allocate_shared(std::size_t bytes) {
  use_device();
  void* data = nullptr;
  XR_CUDA_CHECK(cudaMallocHost(&data, bytes));
  return data;
}

void CudaBackend::deallocate_shared(void* data) noexcept {
  cudaFreeHost(data);
}

}  // namespace cuda

bool has_cuda_backend() {
  return true;
}

const char* cuda_architectures() {
  return XR_CUDA_ARCHITECTURES_BUILT;
}

std::unique_ptr<Backend> make_cuda_backend(int index) {
  return std::make_unique<cuda::CudaBackend>(index);
}

}  // namespace xr::kernels
