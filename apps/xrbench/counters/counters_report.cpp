#include "apps/xrbench/counters/counters_report.h"

#include <fmt/core.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "kernels/common/error.h"

namespace xr::bench {

namespace {

using nlohmann::json;

double share(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

double lanes_of(const LaunchCounters& sum) {
  return share(sum.lanes, sum.all_instructions());
}

std::int64_t tensor_operations(const LaunchCounters& sum) {
  return sum.tf32_operations + sum.bf16_operations;
}

/// "float 41 %, integer 22 %", the largest first, from 1 % on.
std::string classes_text(const LaunchCounters& sum) {
  std::vector<std::pair<double, const char*>> classes;
  for (std::size_t i = 0; i < sum.instructions.size(); ++i)
    classes.emplace_back(100 * share(sum.instructions[i], sum.all_instructions()), kind_names[i]);
  std::ranges::stable_sort(classes, [](const auto& a, const auto& b) { return a.first > b.first; });
  std::string text;
  for (const auto& [percent, name] : classes)
    if (percent >= 1) text += fmt::format("{}{} {:.0f} %", text.empty() ? "" : ", ", name, percent);
  return text;
}

std::string traffic_text(const Traffic& traffic, const char* unit) {
  return fmt::format("{} requests of {:.2f} {}, {:.2f} times the least", traffic.requests,
                     traffic.per_request(), unit, traffic.ratio());
}

std::string microseconds(double seconds) {
  return fmt::format("{:.3g}", 1e6 * seconds);
}

std::string bound_text(const Bound& bound) {
  std::string text = fmt::format("{} us: {}", microseconds(bound.least()),
                                 resource_names[static_cast<std::size_t>(bound.binding())]);
  for (std::size_t i = 0; i < bound.seconds.size(); ++i)
    if (i != static_cast<std::size_t>(bound.binding()) && bound.seconds[i] > 0)
      text += fmt::format(", {} {}", resource_names[i], microseconds(bound.seconds[i]));
  return text;
}

double occupancy(const LaunchCounters& sum, const KernelResources& resources, const Gpu& gpu) {
  return share(std::int64_t{resident_blocks(sum, resources, gpu)} * ((sum.threads + 31) / 32), gpu.max_warps);
}

std::string resources_text(const LaunchCounters& sum, const KernelResources& resources, const Gpu& gpu) {
  const std::string spills = resources.spill_stores + resources.spill_loads == 0
                                 ? "nothing spilled"
                                 : fmt::format("{} bytes of spill stores, {} of loads",
                                               resources.spill_stores, resources.spill_loads);
  return fmt::format(
      "{} registers, {}; {} + {} bytes of shared memory; {} blocks on a multiprocessor, {:.0f} % of its warps",
      resources.registers, spills, sum.static_shared, sum.dynamic_shared,
      resident_blocks(sum, resources, gpu), 100 * occupancy(sum, resources, gpu));
}

std::string kernel_text(const KernelCounters& kernel, const Gpu& gpu) {
  const LaunchCounters& sum = kernel.sum;
  std::string text = fmt::format("    {}\n", short_name(sum.kernel)) +
                     fmt::format("      launched      {} times, {} blocks of {} threads\n", kernel.launches,
                                 sum.blocks, sum.threads) +
                     fmt::format("      instructions  {} of warps, {:.1f} lanes: {}\n",
                                 sum.all_instructions(), lanes_of(sum), classes_text(sum));
  if (sum.global.requests > 0)
    text += fmt::format("      global        {}; {:.4g} MB moved, {:.4g} MB touched\n",
                        traffic_text(sum.global, "sectors"), static_cast<double>(32 * sum.global.units) / 1e6,
                        static_cast<double>(sum.touched_bytes) / 1e6);
  if (sum.shared.requests > 0)
    text += fmt::format("      shared        {}\n", traffic_text(sum.shared, "wavefronts"));
  if (kernel.resources)
    text += fmt::format("      resources     {}\n", resources_text(sum, *kernel.resources, gpu));
  text += fmt::format("      least time    {}\n", bound_text(kernel.bound));
  for (const WastefulLine& line : sum.wasteful) {
    text += fmt::format("      wasteful      {}:", line.place);
    for (const auto& [traffic, unit] : {std::pair{&line.global, "sectors"}, {&line.shared, "wavefronts"}})
      if (traffic->units > traffic->least)
        text += fmt::format(" {} requests of {:.2f} {} instead of {:.2f}", traffic->requests,
                            traffic->per_request(), unit, share(traffic->least, traffic->requests));
    text += "\n";
  }
  return text;
}

/// Sums over kernels.
struct Total {
  std::int64_t instructions = 0, sector_bytes = 0, touched_bytes = 0, tensor = 0;
  double seconds = 0;
};

Total total_of(const std::vector<KernelCounters>& kernels) {
  Total total;
  for (const KernelCounters& kernel : kernels) {
    total.instructions += kernel.sum.all_instructions();
    total.sector_bytes += 32 * kernel.sum.global.units;
    total.touched_bytes += kernel.sum.touched_bytes;
    total.tensor += tensor_operations(kernel.sum);
    total.seconds += kernel.bound.least();
  }
  return total;
}

std::string times_text(std::int64_t amount, std::int64_t least) {
  return least == 0 ? "" : fmt::format(", {:.2f} times the call's", share(amount, least));
}

json traffic_json(const Traffic& traffic) {
  return {{"requests", traffic.requests}, {"units", traffic.units}, {"least", traffic.least}};
}

json resources_json(const LaunchCounters& sum, const KernelResources& resources, const Gpu& gpu) {
  return {{"registers", resources.registers},
          {"spill_store_bytes", resources.spill_stores},
          {"spill_load_bytes", resources.spill_loads},
          {"resident_blocks", resident_blocks(sum, resources, gpu)},
          {"occupancy", occupancy(sum, resources, gpu)}};
}

json kernel_json(const KernelCounters& kernel, const Gpu& gpu) {
  const LaunchCounters& sum = kernel.sum;
  json classes, bound, wasteful = json::array();
  for (std::size_t i = 0; i < sum.instructions.size(); ++i) classes[kind_names[i]] = sum.instructions[i];
  for (std::size_t i = 0; i < kernel.bound.seconds.size(); ++i)
    bound[resource_names[i]] = kernel.bound.seconds[i];
  for (const WastefulLine& line : sum.wasteful)
    wasteful.push_back({{"place", line.place},
                        {"global_sectors", traffic_json(line.global)},
                        {"shared_wavefronts", traffic_json(line.shared)}});
  return {{"kernel", sum.kernel},
          {"launches", kernel.launches},
          {"blocks", sum.blocks},
          {"threads_per_block", sum.threads},
          {"dynamic_shared_bytes", sum.dynamic_shared},
          {"static_shared_bytes", sum.static_shared},
          {"warp_instructions", classes},
          {"thread_instructions", sum.lanes},
          {"global_sectors", traffic_json(sum.global)},
          {"shared_wavefronts", traffic_json(sum.shared)},
          {"touched_bytes", sum.touched_bytes},
          {"tensor_operations", tensor_operations(sum)},
          {"resources", kernel.resources ? resources_json(sum, *kernel.resources, gpu) : json(nullptr)},
          {"model_seconds", bound},
          {"wasteful", wasteful}};
}

}  // namespace

std::string short_name(const std::string& kernel) {
  std::string name = kernel.starts_with("void ") ? kernel.substr(5) : kernel;
  for (const std::string unwanted : {"(anonymous namespace)::", "xr::kernels::"})
    for (std::size_t at; (at = name.find(unwanted)) != std::string::npos;) name.erase(at, unwanted.size());
  // The parameters: what follows the template's last bracket, or the name.
  int depth = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '<') ++depth;
    if (name[i] == '>') --depth;
    if (name[i] == '(' && depth == 0) return name.substr(0, i);
  }
  return name;
}

std::string family_of(const std::string& kernel) {
  const std::string name = short_name(kernel);
  const std::string family = name.substr(0, name.find('<'));
  const std::size_t colons = family.rfind("::");
  return colons == std::string::npos ? family : family.substr(colons + 2);
}

std::string to_text(const std::vector<KernelCounters>& kernels, const CallAmounts& call, const Gpu& gpu) {
  std::string text;
  for (const KernelCounters& kernel : kernels) text += kernel_text(kernel, gpu);
  const Total total = total_of(kernels);
  text += fmt::format(
      "    in all: {} instructions of warps; {:.4g} MB of sectors{}; {:.4g} MB touched{}", total.instructions,
      static_cast<double>(total.sector_bytes) / 1e6, times_text(total.sector_bytes, call.bytes),
      static_cast<double>(total.touched_bytes) / 1e6, times_text(total.touched_bytes, call.bytes));
  if (total.tensor > 0)
    text += fmt::format("; {:.4g} MFLOP on tensor cores{}", static_cast<double>(total.tensor) / 1e6,
                        times_text(total.tensor, call.operations));
  return text + fmt::format("; by the model of {} at least {} us\n", gpu.name, microseconds(total.seconds));
}

json to_json(const std::vector<KernelCounters>& kernels, const Gpu& gpu) {
  json result = json::array();
  for (const KernelCounters& kernel : kernels) result.push_back(kernel_json(kernel, gpu));
  return result;
}

Bars read_bars(const std::string& path) {
  std::ifstream lines(path);
  XR_CHECK(lines, "cannot read '{}'", path);
  Bars bars;
  std::string line;
  std::getline(lines, line);
  XR_CHECK(line == "kernel,sectors,wavefronts", "{} begins with '{}', not with 'kernel,sectors,wavefronts'",
           path, line);
  while (std::getline(lines, line)) {
    std::istringstream parts(line);
    std::string kernel, rest;
    Bar bar;
    char comma = 0;
    std::getline(parts, kernel, ',');
    XR_CHECK(!kernel.empty() && parts >> bar.sectors >> comma && comma == ',' && parts >> bar.wavefronts &&
                 !(parts >> rest),
             "{}: '{}' is not a line 'kernel,sectors,wavefronts'", path, line);
    XR_CHECK(bars.emplace(kernel, bar).second, "{} has two lines of {}", path, kernel);
  }
  return bars;
}

std::vector<std::string> over_bars(const std::vector<KernelCounters>& kernels, const Bars& bars) {
  std::vector<std::string> result;
  for (const KernelCounters& kernel : kernels) {
    const auto bar = bars.find(family_of(kernel.sum.kernel));
    const std::string name = short_name(kernel.sum.kernel);
    if (bar == bars.end()) {
      result.push_back(name + " has no bar");
      continue;
    }
    if (kernel.sum.global.ratio() > bar->second.sectors)
      result.push_back(fmt::format("{} needs {:.3f} times the least sectors, its bar is {:.3f}", name,
                                   kernel.sum.global.ratio(), bar->second.sectors));
    if (kernel.sum.shared.ratio() > bar->second.wavefronts)
      result.push_back(fmt::format("{} needs {:.3f} times the least wavefronts, its bar is {:.3f}", name,
                                   kernel.sum.shared.ratio(), bar->second.wavefronts));
  }
  return result;
}

std::string table_head() {
  return "| case | kernel | warp instructions | lanes | sectors a request | over the least (bar) | wavefronts a request | "
         "over the least (bar) | moved, over the call's bytes | registers | spilled | warps | tensor operations, over the "
         "call's | least us | by |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n";
}

std::string table_rows(const std::string& case_name, const std::vector<KernelCounters>& kernels,
                       const CallAmounts& call, const Gpu& gpu, const Bars& bars) {
  std::string rows;
  for (const KernelCounters& kernel : kernels) {
    const LaunchCounters& sum = kernel.sum;
    const std::optional<KernelResources>& resources = kernel.resources;
    const auto bar = bars.find(family_of(sum.kernel));
    const auto ratio = [&](const Traffic& traffic, double allowed) {
      if (traffic.requests == 0) return std::string("-");
      return fmt::format("{:.2f}", traffic.ratio()) +
             (bar == bars.end() ? "" : fmt::format(" ({:.2f})", allowed));
    };
    const Bar allowed = bar == bars.end() ? Bar{} : bar->second;
    rows += fmt::format(
        "| {} | `{}`{} | {} | {:.1f} | {:.2f} | {} | {:.2f} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
        case_name, short_name(sum.kernel), kernel.launches == 1 ? "" : fmt::format(" x{}", kernel.launches),
        sum.all_instructions(), lanes_of(sum), sum.global.per_request(), ratio(sum.global, allowed.sectors),
        sum.shared.per_request(), ratio(sum.shared, allowed.wavefronts),
        call.bytes == 0 ? "-" : fmt::format("{:.2f}", share(32 * sum.global.units, call.bytes)),
        resources ? std::to_string(resources->registers) : "-",
        resources ? std::to_string(resources->spill_stores + resources->spill_loads) : "-",
        resources ? fmt::format("{:.0f} %", 100 * occupancy(sum, *resources, gpu)) : "-",
        tensor_operations(sum) == 0 || call.operations == 0
            ? "-"
            : fmt::format("{:.2f}", share(tensor_operations(sum), call.operations)),
        microseconds(kernel.bound.least()), resource_names[static_cast<std::size_t>(kernel.bound.binding())]);
  }
  return rows;
}

}  // namespace xr::bench
