// Two devices; calls that are made to fail. Environment variables are read before main: each test runs a process.
#include <cuda_runtime_api.h>
#include <catch2/catch.hpp>

#include <string>

#include "tests/child.h"
#include "tests/kernels/software_gpu/planted_faults.h"

namespace xr::tests {

namespace {

std::string names(std::initializer_list<cudaError_t> statuses) {
  std::string all;
  for (const cudaError_t status : statuses)
    all += (all.empty() ? "" : " ") + std::string(cudaGetErrorName(status));
  return all;
}

cudaError_t launch(PlantedKernel kernel, void* x, cudaStream_t stream) {
  int n = 64;
  void* arguments[] = {&x, &n};
  return cudaLaunchKernel(reinterpret_cast<const void*>(kernel), dim3(1), dim3(64), arguments, 0, stream);
}

std::string two_devices() {
  int count = 0;
  cudaGetDeviceCount(&count);
  std::string report = std::to_string(count) + " ";
  void *first = nullptr, *second = nullptr;
  cudaStream_t stream = nullptr;
  std::size_t free[2]{}, total = 0;
  report += names({cudaMalloc(&first, 4096), cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking),
                   cudaMemGetInfo(&free[0], &total), cudaSetDevice(1), cudaMalloc(&second, 256),
                   cudaMemGetInfo(&free[1], &total), launch(planted_faults[0].kernel, second, stream),
                   cudaSetDevice(2), cudaSetDevice(0), launch(planted_faults[0].kernel, first, stream),
                   cudaStreamSynchronize(stream), launch(planted_faults[0].kernel, second, stream),
                   cudaStreamSynchronize(stream)});
  return report + " " + std::to_string(total - free[0]) + " " + std::to_string(total - free[1]) + " " +
         std::string(cudaGetErrorString(cudaErrorLaunchFailure));
}

std::string fail_in_turn() {
  void *data = nullptr, *pinned = nullptr;
  const float numbers[64]{};
  std::string report = names({cudaMalloc(&data, 256), cudaMalloc(&data, 256), cudaMallocHost(&pinned, 64),
                              cudaMallocHost(&pinned, 64), launch(planted_faults[0].kernel, data, nullptr),
                              launch(planted_faults[0].kernel, data, nullptr),
                              cudaMemcpyAsync(data, numbers, 256, cudaMemcpyHostToDevice, nullptr),
                              cudaMemcpyAsync(data, numbers, 256, cudaMemcpyHostToDevice, nullptr)});
  report += " " + std::string(cudaGetErrorString(cudaGetLastError()));
  return report;
}

std::string lose_device() {
  void* data = nullptr;
  std::string report = names(
      {cudaMalloc(&data, 256), cudaMalloc(&data, 256), cudaMalloc(&data, 256), cudaDeviceSynchronize()});
  report += " " + std::string(cudaGetErrorString(cudaGetLastError()));
  return report;
}

std::string fault_later() {
  void* data = nullptr;
  cudaMalloc(&data, 256);
  std::string report =
      names({launch(planted_faults[0].kernel, data, nullptr), launch(planted_faults[0].kernel, data, nullptr),
             cudaStreamSynchronize(nullptr)});
  report += " " + std::string(cudaGetErrorString(cudaGetLastError()));
  return report;
}

std::string memory_limit() {
  void* data = nullptr;
  return names({cudaMalloc(&data, 1 << 21), cudaMalloc(&data, 1 << 20), cudaMalloc(&data, 1)});
}

const Rerun reruns[] = {{"two_devices", two_devices},
                        {"fail_in_turn", fail_in_turn},
                        {"lose_device", lose_device},
                        {"fault_later", fault_later},
                        {"memory_limit", memory_limit}};

}  // namespace

TEST_CASE("two devices have memory of their own") {
  const std::string report = rerun("two_devices", "XR_GPU_DEVICES=2");
  INFO(report);
  CHECK(report.starts_with(
      "2 cudaSuccess cudaSuccess cudaSuccess cudaSuccess cudaSuccess cudaSuccess "
      "cudaErrorInvalidResourceHandle cudaErrorInvalidDevice cudaSuccess cudaSuccess cudaSuccess "
      "cudaSuccess cudaErrorLaunchFailure 4096 256 "));
  CHECK(report.find("which is device 1's") != std::string::npos);
}

TEST_CASE("calls fail where XR_GPU_FAIL says") {
  CHECK(
      rerun("fail_in_turn", "XR_GPU_FAIL=allocation:1,pinned:2,launch:2,copy:2") ==
      "cudaErrorMemoryAllocation cudaSuccess cudaSuccess cudaErrorMemoryAllocation cudaSuccess "
      "cudaErrorLaunchOutOfResources cudaSuccess cudaErrorECCUncorrectable an uncorrectable memory error (injected)");
  CHECK(rerun("lose_device", "XR_GPU_FAIL=device:3") ==
        "cudaSuccess cudaSuccess cudaErrorUnknown cudaErrorUnknown the device has disappeared");
  CHECK(
      rerun("lose_device", "XR_GPU_FAIL=allocation:2+") ==
      "cudaSuccess cudaErrorMemoryAllocation cudaErrorMemoryAllocation cudaSuccess cudaErrorMemoryAllocation");
  const std::string fault = rerun("fault_later", "XR_GPU_FAIL=fault:2");
  CHECK(fault.starts_with("cudaSuccess cudaSuccess cudaErrorLaunchFailure "));
  CHECK(fault.ends_with(": a fault (injected)"));
}

TEST_CASE("memory ends where XR_GPU_MEMORY says") {
  const std::string report = rerun("memory_limit", "XR_GPU_MEMORY=1");
  CHECK(report == "cudaErrorMemoryAllocation cudaSuccess cudaErrorMemoryAllocation");
}

TEST_CASE("a variable that is not known ends the program") {
  for (const char* variable :
       {"XR_GPU_RACE=0", "XR_GPU_ORDER=backwards", "XR_GPU_FAIL=launch", "XR_GPU_FAIL=lunch:1",
        "XR_GPU_FAIL=launch:none", "XR_GPU_THREADS=0", "XR_GPU_MMA=rn", "XR_GPU_MUTATE=add.f32"}) {
    const std::string report = rerun("lose_device", variable);
    INFO(variable << " gives " << report);
    CHECK(report.starts_with("signal 6: software GPU: "));
    CHECK(report.find(std::string(variable).substr(0, std::string(variable).find('='))) != std::string::npos);
  }
}

}  // namespace xr::tests
