// Runs launches: blocks one after another (or on a few threads), the warps of a block in turns from barrier to barrier.
#include "kernels/software_gpu/launch.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "kernels/software_gpu/execution/worker.h"
#include "kernels/software_gpu/memory/global_races.h"
#include "kernels/software_gpu/options.h"

namespace xr::software_gpu {

namespace {

Executed total;
LaunchObserver& observer() {
  static LaunchObserver& chosen = *new LaunchObserver;
  return chosen;
}

Counting counting() {
  if (observer() || options().count) return Counting::all;
  return options().coverage.empty() ? Counting::none : Counting::reached;
}

void add(std::vector<Counter>& to, const std::vector<Counter>& from) {
  for (std::size_t i = 0; i < from.size(); ++i) to[i] += from[i];
}

}  // namespace

void execute(const Launch& launch) {
  static std::vector<std::unique_ptr<Worker>>& workers = *new std::vector<std::unique_ptr<Worker>>;
  const auto began = std::chrono::steady_clock::now();
  const u64 blocks = static_cast<u64>(launch.grid[0]) * launch.grid[1] * launch.grid[2];
  const std::size_t threads = std::min<u64>(static_cast<u64>(options().threads), blocks);
  while (workers.size() < threads) workers.push_back(std::make_unique<Worker>());
  begin_global_epoch();
  for (const IndexTest& test : launch.kernel->index_tests)
    launch.kernel->set_constant(test.place, launch.kernel->launches % 2 == 0 ? test.wide : test.narrow);
  const Counting counted = counting();
  LaunchCounts counts;
  counts.instructions.resize(counted == Counting::none ? 0 : launch.kernel->code.size());
  SectorSet touched;
  std::atomic<u64> next{0}, steps{0};
  std::mutex mutex;
  std::exception_ptr failed;
  const auto work = [&](Worker& worker) {
    try {
      worker.prepare(launch, counted);
      worker.steps = 0;
      for (u64 i; (i = next++) < blocks;) worker.run_block(options().reverse ? blocks - 1 - i : i);
    } catch (const Fault&) {
      const std::lock_guard lock(mutex);
      failed = std::current_exception();
      next = blocks;
    }
    steps += worker.steps;
    const std::lock_guard lock(mutex);
    add(counts.instructions, worker.counters());
    touched.add(worker.touched());
  };
  std::vector<std::thread> others;
  for (std::size_t i = 1; i < threads; ++i) others.emplace_back(work, std::ref(*workers[i]));
  work(*workers[0]);
  for (std::thread& t : others) t.join();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  total.instructions += steps, total.seconds += seconds;
  launch.kernel->seconds += seconds;
  add(launch.kernel->counters, counts.instructions);
  ++launch.kernel->launches;
  launch.kernel->blocks += blocks;
  if (options().trace)
    std::fprintf(
        stderr,
        "software GPU: %s grid (%u,%u,%u) block (%u,%u,%u) shared %u+%u: %llu warp instructions, %.1f ms\n",
        launch.kernel->title.c_str(), launch.grid[0], launch.grid[1], launch.grid[2], launch.block[0],
        launch.block[1], launch.block[2], launch.kernel->static_shared, launch.dynamic_shared,
        static_cast<unsigned long long>(steps), 1e3 * seconds);
  if (failed != nullptr) std::rethrow_exception(failed);
  counts.touched_sectors = touched.size();
  if (observer()) observer()(launch, counts);
}

void observe_launches(LaunchObserver chosen) {
  observer() = std::move(chosen);
}

Executed executed() {
  return total;
}

}  // namespace xr::software_gpu
