// What the environment variables choose; README.md lists them.
#pragma once

#include <string>
#include <vector>

#include "kernels/software_gpu/instruction.h"

namespace xr::software_gpu {

/// What may be made to fail.
enum class Failing : u8 {
  allocation,  ///< of the device's memory: cudaErrorMemoryAllocation
  pinned,      ///< of pinned memory: cudaErrorMemoryAllocation
  launch,      ///< of a kernel: cudaErrorLaunchOutOfResources
  fault,       ///< of a kernel that was launched: the device is lost, and whoever waits for it is told
  copy,        ///< an uncorrectable error of its memory: the device is lost
  device,      ///< any call: the device has disappeared
  count
};

/// At the n-th such call, from 1.
struct Failure {
  Failing what = Failing::allocation;
  u64 call = 1;
  bool onwards = false;  ///< and at all later ones
};

struct Options {
  bool count = false;    ///< XR_GPU_STATS
  std::string coverage;  ///< XR_GPU_COVERAGE: a file; empty: none
  bool races = true;     ///< XR_GPU_RACES=0
  bool reverse = false;  ///< XR_GPU_ORDER=reverse: warps and blocks from the last
  /// XR_GPU_MMA: how tensor cores sum. nearest: exactly, then to the nearest; toward_zero: exactly, then towards zero;
  /// aligned: each term is cut to 26 bits below the largest one's exponent first, as measured on GPUs (Fasi, Higham,
  /// Mikaitis, Pranesh 2021, PeerJ Computer Science 7:e330).
  enum class Sum : u8 { nearest, toward_zero, aligned } sum = Sum::toward_zero;
  /// XR_GPU_MUTATE=add.f32:sub.f32: instructions of the first name do what the second's do.
  std::string mutated, mutated_to;
  /// XR_GPU_WIDE_INDEXES: in every second launch of a kernel, small numbers take the paths for those beyond 32 bits
  /// (decode/arithmetic.cpp).
  bool wide_indexes = false;
  bool decode_all = false;          ///< XR_GPU_DECODE=all: every kernel, before main
  bool trace = false;               ///< XR_GPU_TRACE: prints every launch
  bool time = false;                ///< XR_GPU_TIME: prints how long the simulation took
  bool lazy = true;                 ///< XR_GPU_STREAMS=eager: queued work runs at once
  std::vector<Failure> failures;    ///< XR_GPU_FAIL=allocation:3,launch:7+
  int threads = 1;                  ///< XR_GPU_THREADS
  int devices = 1;                  ///< XR_GPU_DEVICES
  u64 memory_bytes = u64{6} << 30;  ///< XR_GPU_MEMORY, in MB
};

/// Read once. A variable or value that is not known ends the program: a check that silently does not run is worse.
const Options& options();

}  // namespace xr::software_gpu
