// Kernels with one fault each, compiled by nvcc. Each runs with blocks of 64 threads, on 64 floats.
#pragma once

namespace xr::tests {

using PlantedKernel = void (*)(float* x, int n);

struct PlantedFault {
  const char* name;
  PlantedKernel kernel;
  const char* report;  ///< words of the report; empty: there is none
  unsigned blocks = 1;
  unsigned long shared_bytes = 0;  ///< dynamic
};

extern const PlantedFault planted_faults[];
/// Prints one line from thread 33.
extern const PlantedKernel printing_kernel;
extern const int planted_fault_count;

}  // namespace xr::tests
