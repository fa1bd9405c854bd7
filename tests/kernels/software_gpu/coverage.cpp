// What several programs have reached is added up in one file.
#include "kernels/software_gpu/coverage.h"

#include <cuda_runtime_api.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/child.h"
#include "tests/kernels/software_gpu/planted_faults.h"

namespace xr::tests {

namespace {

using namespace xr::software_gpu;

class CoverageFile {
 public:
  CoverageFile() { std::filesystem::remove(path()); }
  CoverageFile(const CoverageFile&) = delete;
  CoverageFile& operator=(const CoverageFile&) = delete;
  ~CoverageFile() { std::filesystem::remove(path()); }
  [[nodiscard]] std::string path() const {
    return std::filesystem::temp_directory_path() / ("xr_coverage_" + std::to_string(owner_));
  }

 private:
  pid_t owner_ = getpid();
};

/// A kernel of which a lane has executed the instructions with a 1.
Kernel kernel_with(const std::string& reached) {
  Kernel kernel;
  kernel.name = "kernel";
  kernel.launches = 3;
  kernel.code.resize(reached.size() + 1);
  kernel.counters.resize(kernel.code.size());
  for (std::size_t i = 0; i < reached.size(); ++i) {
    kernel.counters[i].executed = 7;
    kernel.counters[i].lanes = reached[i] == '1' ? 9 : 0;
  }
  return kernel;
}

std::string run_first_kernel() {
  void* data = nullptr;
  cudaMalloc(&data, 256);
  int n = 64;
  void* arguments[] = {&data, &n};
  cudaLaunchKernel(reinterpret_cast<const void*>(planted_faults[0].kernel), dim3(1), dim3(64), arguments, 0,
                   nullptr);
  return cudaGetErrorName(cudaDeviceSynchronize());
}

const Rerun first_kernel("first_kernel", run_first_kernel);

}  // namespace

TEST_CASE("an instruction is reached if any program's lane has executed it") {
  const CoverageFile file;
  CHECK(read_coverage(file.path()).empty());
  const Kernel first = kernel_with("1001"), second = kernel_with("1010");
  add_coverage(file.path(), {&first});
  add_coverage(file.path(), {&second});
  const auto all = read_coverage(file.path());
  REQUIRE(all.size() == 1);
  CHECK(all.at("kernel").launches == 6);
  CHECK(all.at("kernel").reached == std::vector<bool>{true, false, true, true});
}

TEST_CASE("a program adds what its kernels have reached when it ends") {
  const CoverageFile file;
  for (u64 programs = 1; programs <= 2; ++programs) {
    REQUIRE(rerun("first_kernel", "XR_GPU_COVERAGE=" + file.path()) == "cudaSuccess");
    const auto all = read_coverage(file.path());
    REQUIRE(all.size() == 1);
    const Coverage& kernel = all.begin()->second;
    CHECK(kernel.launches == programs);
    CHECK(kernel.reached.size() > 5);
    CHECK(kernel.reached == std::vector<bool>(kernel.reached.size(), true));
  }
}

TEST_CASE("coverage of another build, or no coverage, ends the program") {
  const CoverageFile file;
  const Kernel before = kernel_with("11"), after = kernel_with("111");
  add_coverage(file.path(), {&before});
  const std::string other_build = in_child([&] {
    add_coverage(file.path(), {&after});
    return std::string("went on");
  });
  CHECK(other_build ==
        "signal 6: software GPU: XR_GPU_COVERAGE=" + file.path() + " is of another build: remove it\n");
  std::ofstream(file.path()) << "no coverage\n";
  const std::string nonsense = in_child([&] {
    read_coverage(file.path());
    return std::string("went on");
  });
  CHECK(nonsense.starts_with("signal 6: software GPU: XR_GPU_COVERAGE=" + file.path()));
  CHECK(rerun("first_kernel", "XR_GPU_COVERAGE=/nowhere/coverage").starts_with("signal 6: "));
}

}  // namespace xr::tests
