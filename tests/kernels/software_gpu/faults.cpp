// Each planted fault is reported, with its place in the source, and the device is lost after it. Every kernel has a process
// of its own, since a fault lasts until the process ends.
#include <cuda_runtime_api.h>
#include <catch2/catch.hpp>

#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "tests/child.h"
#include "tests/kernels/software_gpu/planted_faults.h"

namespace xr::tests {

namespace {

cudaStream_t make_stream() {
  cudaStream_t stream = nullptr;
  cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
  return stream;
}

cudaError_t launch(PlantedKernel kernel, void* x, unsigned blocks, unsigned threads, unsigned long shared,
                   cudaStream_t stream) {
  int n = 64;
  void* arguments[] = {&x, &n};
  return cudaLaunchKernel(reinterpret_cast<const void*>(kernel), dim3(blocks), dim3(threads), arguments,
                          shared, stream);
}

/// What cudaGetErrorString says after the kernel; empty if there is no error.
std::string run_planted(const PlantedFault& planted) {
  cudaStream_t stream = make_stream();
  void* x = nullptr;
  cudaMalloc(&x, 64 * sizeof(float));
  const float zeros[64]{};
  cudaMemcpyAsync(x, zeros, sizeof(zeros), cudaMemcpyHostToDevice, stream);
  cudaError_t status = launch(planted.kernel, x, planted.blocks, 64, planted.shared_bytes, stream);
  if (status == cudaSuccess) status = cudaStreamSynchronize(stream);
  return status == cudaSuccess ? "" : cudaGetErrorString(status);
}

}  // namespace

TEST_CASE("planted faults are reported with their place") {
  for (int i = 0; i < planted_fault_count; ++i) {
    const PlantedFault& planted = planted_faults[i];
    const std::string report = in_child([&] { return run_planted(planted); });
    INFO(planted.name << " is reported as \"" << report << "\"");
    if (std::strlen(planted.report) == 0) {
      CHECK(report.empty());
      continue;
    }
    CHECK(report.find(planted.report) != std::string::npos);
    CHECK(report.find(planted.name) != std::string::npos);
    CHECK(report.find("planted_faults.cu:") != std::string::npos);
  }
}

TEST_CASE("a fault lasts until the process ends") {
  const std::string statuses = in_child([] {
    (void)run_planted(planted_faults[1]);
    void* data = nullptr;
    std::size_t free = 0, total = 0;
    std::string all;
    for (const cudaError_t status : {cudaMalloc(&data, 4), cudaMemGetInfo(&free, &total),
                                     cudaDeviceSynchronize(), cudaGetLastError(), cudaGetLastError()})
      all += std::string(cudaGetErrorName(status)) + " ";
    return all;
  });
  std::string expected;
  for (int i = 0; i < 5; ++i) expected += "cudaErrorLaunchFailure ";
  CHECK(statuses == expected);
}

TEST_CASE("printf and assert in kernels") {
  const std::string printed = in_child([] {
    std::FILE* const file = std::tmpfile();
    const int standard_output = dup(STDOUT_FILENO);
    dup2(fileno(file), STDOUT_FILENO);
    const std::string report = run_planted({"prints", printing_kernel, ""});
    std::fflush(stdout);
    dup2(standard_output, STDOUT_FILENO);
    std::rewind(file);
    char text[200]{};
    const std::size_t length = std::fread(text, 1, sizeof(text), file);
    return report + std::string(text, length);
  });
  CHECK(printed == "thread 33 of 64: 0.25, text, 549755813888, c%,    -7|\n");
  const std::string status = in_child([] {
    for (int i = 0; i < planted_fault_count; ++i)
      if (planted_faults[i].name == std::string("assertion")) (void)run_planted(planted_faults[i]);
    return std::string(cudaGetErrorName(cudaDeviceSynchronize()));
  });
  CHECK(status == "cudaErrorAssert");
}

TEST_CASE("launches that a device refuses") {
  cudaStream_t stream = make_stream();
  const PlantedKernel fine = planted_faults[0].kernel;
  const auto* const function = reinterpret_cast<const void*>(fine);
  CHECK(launch(fine, nullptr, 1, 64, 64 * 1024, stream) ==
        cudaErrorInvalidValue);  // over 48 KB without asking
  CHECK(launch(fine, nullptr, 1, 64, 48 * 1024, stream) == cudaErrorInvalidValue);  // with its static arrays
  CHECK(launch(fine, nullptr, 1, 1025, 0, stream) == cudaErrorInvalidConfiguration);
  CHECK(launch(fine, nullptr, 1, 0, 0, stream) == cudaErrorInvalidConfiguration);
  CHECK(cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize, 228 * 1024) ==
        cudaErrorInvalidValue);
  void* no_arguments[] = {nullptr};
  CHECK(cudaLaunchKernel(function, dim3(1, 65536), dim3(1), no_arguments, 0, stream) ==
        cudaErrorInvalidConfiguration);
  CHECK(cudaLaunchKernel(&stream, dim3(1), dim3(1), no_arguments, 0, stream) ==
        cudaErrorInvalidDeviceFunction);
  CHECK(cudaGetLastError() == cudaErrorInvalidDeviceFunction);
  CHECK(cudaGetLastError() == cudaSuccess);  // no lasting error
  CHECK(cudaStreamDestroy(stream) == cudaSuccess);
}

}  // namespace xr::tests
