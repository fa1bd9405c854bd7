// What XR_GPU_STATS writes: per kernel what it executed, and the instructions whose memory accesses waste most.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "kernels/software_gpu/launch.h"

namespace xr::software_gpu {

namespace {

double ratio(u64 a, u64 b) {
  return b == 0 ? 0 : static_cast<double>(a) / static_cast<double>(b);
}

void report_kernel(std::FILE* file, const Kernel& kernel) {
  std::size_t reached = 0;
  for (std::size_t i = 0; i + 1 < kernel.code.size(); ++i) reached += kernel.counters[i].lanes != 0;
  u64 of_kind[static_cast<int>(Kind::count)]{}, executed = 0, lanes = 0;
  Counter sum;
  for (std::size_t i = 0; i < kernel.code.size(); ++i) {
    const Counter& counter = kernel.counters[i];
    of_kind[static_cast<int>(kernel.code[i].kind)] += counter.executed;
    executed += counter.executed, lanes += counter.lanes;
    sum.requests += counter.requests, sum.sectors += counter.sectors,
        sum.ideal_sectors += counter.ideal_sectors;
    sum.shared_requests += counter.shared_requests, sum.wavefronts += counter.wavefronts,
        sum.ideal_wavefronts += counter.ideal_wavefronts;
  }
  std::fprintf(
      file,
      "\n%s\n  %llu launches, %llu blocks, %.2f s, %llu warp instructions, %.1f lanes on average, %zu of %zu instructions reached\n  ",
      kernel.title.c_str(), static_cast<unsigned long long>(kernel.launches),
      static_cast<unsigned long long>(kernel.blocks), kernel.seconds,
      static_cast<unsigned long long>(executed), ratio(lanes, executed), reached, kernel.code.size() - 1);
  if (std::getenv("XR_GPU_UNREACHED") != nullptr)
    for (std::size_t i = 0; i + 1 < kernel.code.size(); ++i)
      if (kernel.counters[i].lanes == 0 && (i == 0 || kernel.counters[i - 1].lanes != 0)) {
        const auto at = kernel.files.find(kernel.code[i].file);
        std::fprintf(file, "not reached: %s:%u: %s\n", at == kernel.files.end() ? "?" : at->second.c_str(),
                     kernel.code[i].source_line, kernel.texts[kernel.code[i].text].c_str());
      }
  std::fprintf(file, "  ");
  for (int i = 0; i < static_cast<int>(Kind::count); ++i)
    if (of_kind[i] != 0) std::fprintf(file, "%s %.1f%%  ", kind_names[i], 100 * ratio(of_kind[i], executed));
  std::fprintf(
      file,
      "\n  global: %llu requests, %.2f sectors per request, %.2f times the least; shared: %llu requests, %.2f wavefronts per request, %.2f times the least\n",
      static_cast<unsigned long long>(sum.requests), ratio(sum.sectors, sum.requests),
      ratio(sum.sectors, sum.ideal_sectors), static_cast<unsigned long long>(sum.shared_requests),
      ratio(sum.wavefronts, sum.shared_requests), ratio(sum.wavefronts, sum.ideal_wavefronts));
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < kernel.code.size(); ++i) order.push_back(i);
  const auto waste = [&](std::size_t i) {
    return kernel.counters[i].sectors - kernel.counters[i].ideal_sectors + kernel.counters[i].wavefronts -
           kernel.counters[i].ideal_wavefronts;
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return waste(a) > waste(b); });
  for (std::size_t n = 0; n < std::min<std::size_t>(5, order.size()); ++n) {
    const std::size_t i = order[n];
    const Counter& counter = kernel.counters[i];
    if (waste(i) == 0) break;
    const auto at = kernel.files.find(kernel.code[i].file);
    std::fprintf(file, "    %s:%u: ", at == kernel.files.end() ? "?" : at->second.c_str(),
                 kernel.code[i].source_line);
    if (counter.requests != 0)
      std::fprintf(file, "%llu requests, %.2f sectors instead of %.2f; ",
                   static_cast<unsigned long long>(counter.requests),
                   ratio(counter.sectors, counter.requests), ratio(counter.ideal_sectors, counter.requests));
    if (counter.shared_requests != 0)
      std::fprintf(file, "%llu requests, %.2f wavefronts instead of %.2f; ",
                   static_cast<unsigned long long>(counter.shared_requests),
                   ratio(counter.wavefronts, counter.shared_requests),
                   ratio(counter.ideal_wavefronts, counter.shared_requests));
    std::fprintf(file, "%.1f lanes: %.60s\n", ratio(counter.lanes, counter.executed),
                 kernel.texts[kernel.code[i].text].c_str());
  }
}

}  // namespace

void report_counters(const std::vector<const Kernel*>& kernels) {
  const char* const path = std::getenv("XR_GPU_STATS");
  std::FILE* const file = path == nullptr || std::string_view(path) == "1" ? stderr : std::fopen(path, "w");
  if (file == nullptr) return;
  std::vector<const Kernel*> order = kernels;
  std::sort(order.begin(), order.end(),
            [](const Kernel* a, const Kernel* b) { return a->seconds > b->seconds; });
  for (const Kernel* kernel : order) report_kernel(file, *kernel);
  if (file != stderr) std::fclose(file);
}

}  // namespace xr::software_gpu
