#include "apps/xrbench/counters/gpu_model.h"

#include <algorithm>

#include "kernels/common/error.h"

namespace xr::bench {

namespace {

// Sources: NVIDIA, "H100 Tensor Core GPU Architecture" (multiprocessors; 4 schedulers, each a warp instruction per clock),
// data sheets of H100 and H200 (DRAM; dense TF32 and BF16), "CUDA C++ Programming Guide", table of technical
// specifications (registers, shared memory, warps, blocks), "CUDA C++ Best Practices Guide" (banks: 4 bytes each per clock).
// 1.98 GHz is the clock at which 132 multiprocessors with 128 lanes give the data sheet's 66.9 TFLOP/s of FP32. For L2
// NVIDIA publishes no figure: 5120 bytes per clock are A100's ("A100 Tensor Core GPU Architecture").
constexpr Gpu h100{.name = "H100 SXM",
                   .multiprocessors = 132,
                   .clock = 1.98e9,
                   .issue_per_clock = 4,
                   .l1_bytes_per_clock = 128,
                   .l2_bytes_per_clock = 5120,
                   .dram_bandwidth = 3.35e12,
                   .tf32_rate = 494.7e12,
                   .bf16_rate = 989.4e12,
                   .registers = 65536,
                   .register_unit = 256,
                   .shared_bytes = 228 * 1024,
                   .shared_of_system = 1024,
                   .shared_unit = 128,
                   .max_warps = 64,
                   .max_blocks = 32};

constexpr Gpu with_h200_memory(Gpu gpu) {
  gpu.name = "H200 SXM";
  gpu.dram_bandwidth = 4.8e12;
  return gpu;
}
constexpr Gpu h200 = with_h200_memory(h100);

constexpr double sector = 32, wavefront = 128;  // bytes

std::int64_t rounded_up(std::int64_t value, std::int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

std::int64_t warps_of(const LaunchCounters& launch) {
  return (launch.threads + 31) / 32;
}

double& of(Bound& bound, Resource resource) {
  return bound.seconds[static_cast<std::size_t>(resource)];
}

}  // namespace

const Gpu& gpu_named(std::string_view name) {
  if (name == "h100") return h100;
  XR_CHECK(name == "h200", "there is no model of the GPU '{}': use h100 or h200", name);
  return h200;
}

int resident_blocks(const LaunchCounters& launch, const KernelResources& resources, const Gpu& gpu) {
  const std::int64_t warps = warps_of(launch);
  const std::int64_t registers =
      warps * rounded_up(std::int64_t{32} * resources.registers, gpu.register_unit);
  const std::int64_t shared =
      rounded_up(launch.dynamic_shared + launch.static_shared + gpu.shared_of_system, gpu.shared_unit);
  return static_cast<int>(
      std::min({std::int64_t{gpu.max_blocks}, gpu.max_warps / warps,
                gpu.registers / std::max<std::int64_t>(1, registers), gpu.shared_bytes / shared}));
}

Bound& Bound::operator+=(const Bound& other) {
  for (std::size_t i = 0; i < seconds.size(); ++i) seconds[i] += other.seconds[i];
  return *this;
}

Resource Bound::binding() const {
  return static_cast<Resource>(std::ranges::max_element(seconds) - seconds.begin());
}

double Bound::least() const {
  return *std::ranges::max_element(seconds);
}

Bound bound_of(const LaunchCounters& launch, const Gpu& gpu) {
  // The share of the work that the multiprocessor with the most blocks does.
  const std::int64_t busiest_blocks = (launch.blocks + gpu.multiprocessors - 1) / gpu.multiprocessors;
  const double share =
      launch.blocks == 0 ? 0 : static_cast<double>(busiest_blocks) / static_cast<double>(launch.blocks);
  const auto on_one = [&](double amount, double per_clock) {
    return share * amount / (per_clock * gpu.clock);
  };
  const double sectors = static_cast<double>(launch.global.units);
  Bound bound;
  of(bound, Resource::issue) = on_one(static_cast<double>(launch.all_instructions()), gpu.issue_per_clock);
  of(bound, Resource::l1) = on_one(sectors * sector, gpu.l1_bytes_per_clock);
  of(bound, Resource::shared_memory) =
      on_one(static_cast<double>(launch.shared.units) * wavefront, gpu.l1_bytes_per_clock);
  of(bound, Resource::l2) = sectors * sector / (gpu.l2_bytes_per_clock * gpu.clock);
  of(bound, Resource::dram) = static_cast<double>(launch.touched_bytes) / gpu.dram_bandwidth;
  of(bound, Resource::tensor_cores) = share * gpu.multiprocessors *
                                      (static_cast<double>(launch.tf32_operations) / gpu.tf32_rate +
                                       static_cast<double>(launch.bf16_operations) / gpu.bf16_rate);
  return bound;
}

std::vector<KernelCounters> by_kernel(const std::vector<LaunchCounters>& launches, const Gpu& gpu) {
  std::vector<KernelCounters> result;
  for (const LaunchCounters& launch : launches) {
    const auto same = std::ranges::find_if(result, [&](const KernelCounters& known) {
      return known.sum.symbol == launch.symbol && known.sum.threads == launch.threads &&
             known.sum.dynamic_shared == launch.dynamic_shared;
    });
    if (same == result.end()) {
      result.push_back({launch, 1, bound_of(launch, gpu)});
      continue;
    }
    LaunchCounters& sum = same->sum;
    ++same->launches;
    same->bound += bound_of(launch, gpu);
    sum.blocks += launch.blocks;
    for (std::size_t i = 0; i < sum.instructions.size(); ++i) sum.instructions[i] += launch.instructions[i];
    sum.lanes += launch.lanes;
    sum.global += launch.global;
    sum.shared += launch.shared;
    sum.touched_bytes += launch.touched_bytes;
    sum.tf32_operations += launch.tf32_operations;
    sum.bf16_operations += launch.bf16_operations;
    for (const WastefulLine& line : launch.wasteful) {
      const auto known = std::ranges::find(sum.wasteful, line.place, &WastefulLine::place);
      if (known == sum.wasteful.end()) {
        sum.wasteful.push_back(line);
      } else {
        known->global += line.global;
        known->shared += line.shared;
      }
    }
  }
  return result;
}

}  // namespace xr::bench
