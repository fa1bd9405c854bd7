#include "kernels/software_gpu/runtime/runtime.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <utility>

#include "kernels/software_gpu/coverage.h"
#include "kernels/software_gpu/handlers.h"
#include "kernels/software_gpu/launch.h"
#include "kernels/software_gpu/options.h"

namespace xr::software_gpu {

namespace {

std::vector<const Kernel*> launched_kernels() {
  std::vector<const Kernel*> launched;
  for (const auto& [host, function] : runtime().functions)
    if (function.kernel != nullptr && function.kernel->launches > 0)
      launched.push_back(function.kernel.get());
  return launched;
}

// At the end of the program.
void report() {
  const Options& chosen = options();
  if (!chosen.mutated.empty())
    std::fprintf(stderr, "software GPU: %llu instructions %s are %s\n",
                 static_cast<unsigned long long>(mutated_instructions()), chosen.mutated.c_str(),
                 chosen.mutated_to.c_str());
  if (!chosen.coverage.empty()) add_coverage(chosen.coverage, launched_kernels());
  if (!chosen.count && !chosen.trace && !chosen.time) return;
  const Executed all = executed();
  std::fprintf(stderr, "software GPU: %.3g warp instructions, simulated in %.2f s: %.1f million/s\n",
               static_cast<double>(all.instructions), all.seconds,
               static_cast<double>(all.instructions) / all.seconds / 1e6);
  if (!chosen.count) return;
  const std::vector<const Kernel*> launched = launched_kernels();
  std::fprintf(stderr, "software GPU: %zu of %zu kernels were launched\n", launched.size(),
               runtime().functions.size());
  report_counters(launched);
}

}  // namespace

Runtime& runtime() {
  static auto* const all = [] {
    (void)options();  // ends the program if a variable is wrong
    std::atexit(report);
    auto* const made = new Runtime;
    made->used.resize(static_cast<std::size_t>(options().devices));
    return made;
  }();
  return *all;
}

int& current_device() {
  thread_local int device = 0;
  return device;
}

cudaError_t remember(cudaError_t status) {
  if (status != cudaSuccess) runtime().last = status;
  return status;
}

void break_device(cudaError_t status, const std::string& what) {
  Runtime& all = runtime();
  if (all.broken != cudaSuccess) return;
  std::fprintf(stderr, "software GPU: FAULT: %s\n", what.c_str());
  all.failure = what;
  all.broken = all.last = status;
}

bool fails(Failing what) {
  const std::vector<Failure>& failures = options().failures;
  if (failures.empty()) return false;
  const u64 call = ++runtime().calls[static_cast<int>(what)];
  return std::any_of(failures.begin(), failures.end(), [&](const Failure& failure) {
    return failure.what == what && (call == failure.call || (failure.onwards && call > failure.call));
  });
}

cudaError_t begin_call() {
  if (runtime().broken == cudaSuccess && fails(Failing::device))
    break_device(cudaErrorUnknown, "the device has disappeared");
  return runtime().broken;
}

Stream& stream_of(cudaStream_t stream) {
  return stream == nullptr ? runtime().null_stream : *reinterpret_cast<Stream*>(stream);
}

void enqueue(Stream& stream, Work work) {
  if (stream.recording != nullptr) {
    stream.recording->work.push_back(std::move(work));
    return;
  }
  stream.queue.push_back(std::move(work));
  ++stream.queued;
  if (!options().lazy) drain(stream, stream.queued);
}

void drain(Stream& stream, u64 up_to) {
  while (stream.done < up_to && !stream.queue.empty()) {
    const Work work = std::move(stream.queue.front());
    stream.queue.pop_front();
    ++stream.done;
    if (runtime().broken != cudaSuccess) continue;
    try {
      work();
    } catch (const FailedAssertion& error) {
      break_device(cudaErrorAssert, error.what());
    } catch (const Fault& error) {
      break_device(cudaErrorLaunchFailure, error.what());
    }
  }
}

void drain_all() {
  drain(runtime().null_stream, runtime().null_stream.queued);
  for (Stream* stream : runtime().streams) drain(*stream, stream->queued);
}

bool in_one_allocation(const void* begin, std::size_t bytes) {
  const u64 address = reinterpret_cast<u64>(begin);
  return allocations().find(address).contains(address, bytes);
}

bool is_pinned(const void* begin) {
  const u64 address = reinterpret_cast<u64>(begin);
  const std::map<u64, u64>& pinned = runtime().pinned;
  const auto next = pinned.upper_bound(address);
  return next != pinned.begin() && address < std::prev(next)->first + std::prev(next)->second;
}

}  // namespace xr::software_gpu
