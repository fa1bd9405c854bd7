// The model of a GPU, the bars, and what is said of counters; what is counted, where this build has the software GPU.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include "apps/xrbench/counters/counters_table.h"
#include "kernels/common/error.h"
#include "kernels/registry.h"

namespace xr::bench {

namespace {

/// 264 blocks, two on each of 132 multiprocessors.
LaunchCounters launch() {
  LaunchCounters result;
  result.symbol = "symbol";
  result.kernel = "void xr::kernels::(anonymous namespace)::sum_kernel<4, float>(float const*, long)";
  result.blocks = 264;
  result.threads = 256;
  return result;
}

double seconds(const Bound& bound, Resource resource) {
  return bound.seconds[static_cast<std::size_t>(resource)];
}

class TextFile {
 public:
  explicit TextFile(const std::string& text) { std::ofstream(path_) << text; }
  TextFile(const TextFile&) = delete;
  TextFile& operator=(const TextFile&) = delete;
  ~TextFile() { std::filesystem::remove(path_); }
  [[nodiscard]] std::string path() const { return path_; }

 private:
  std::string path_ =
      (std::filesystem::temp_directory_path() / ("xr_bars_" + std::to_string(getpid()))).string();
};

}  // namespace

TEST_CASE("blocks share a multiprocessor's registers, shared memory and warps") {
  const Gpu& h100 = gpu_named("h100");
  LaunchCounters one = launch();
  CHECK(resident_blocks(one, {.registers = 32}, h100) == 8);  // 64 warps
  CHECK(resident_blocks(one, {.registers = 64}, h100) == 4);  // 65536 registers
  CHECK(resident_blocks(one, {.registers = 65}, h100) == 3);
  CHECK(resident_blocks(one, {.registers = 51}, h100) == 4);  // 56 a thread: units of 256 for a warp
  CHECK(resident_blocks(one, {.registers = 255}, h100) == 1);
  one.dynamic_shared = 75 * 1024;
  CHECK(resident_blocks(one, {.registers = 32}, h100) == 3);  // 76 KB of 228 with the system's
  one.static_shared = 1;
  CHECK(resident_blocks(one, {.registers = 32}, h100) == 2);
  one = launch();
  one.threads = 32;
  CHECK(resident_blocks(one, {.registers = 16}, h100) == 32);
}

TEST_CASE("the least time follows from the busiest multiprocessor, L2 and DRAM") {
  const Gpu& h100 = gpu_named("h100");
  LaunchCounters one = launch();
  one.instructions[0] = 264 * 1980;   // 3960 on each multiprocessor, 4 a clock
  one.global = {10, 264 * 1000, 10};  // 64000 bytes on each, 128 a clock
  one.shared = {10, 264 * 10, 10};    // 20 on each, one a clock
  one.touched_bytes = 3350000;
  one.bf16_operations = 989400;
  one.tf32_operations = 494700;
  const Bound bound = bound_of(one, h100);
  CHECK(seconds(bound, Resource::issue) == Approx(990 / 1.98e9));
  CHECK(seconds(bound, Resource::l1) == Approx(500 / 1.98e9));
  CHECK(seconds(bound, Resource::shared_memory) == Approx(20 / 1.98e9));
  CHECK(seconds(bound, Resource::l2) == Approx(264e3 * 32 / 5120 / 1.98e9));
  CHECK(seconds(bound, Resource::dram) == Approx(1e-6));
  CHECK(seconds(bound, Resource::tensor_cores) == Approx(2e-9));
  CHECK(bound.binding() == Resource::dram);
  CHECK(bound.least() == Approx(1e-6));
  CHECK(seconds(bound_of(one, gpu_named("h200")), Resource::dram) == Approx(3.35e6 / 4.8e12));

  // One block more: a multiprocessor has three.
  one.blocks = 265;
  CHECK(seconds(bound_of(one, h100), Resource::issue) == Approx(990 / 1.98e9 * 264 / 265 * 1.5));
  CHECK(seconds(bound_of(one, h100), Resource::dram) == Approx(1e-6));
  one.blocks = 1;
  CHECK(seconds(bound_of(one, h100), Resource::tensor_cores) == Approx(132 * 2e-9));
  CHECK_THROWS_WITH(gpu_named("h300"), Catch::Contains("h300") && Catch::Contains("h100 or h200"));
}

TEST_CASE("launches of a kernel are added up, other block sizes apart") {
  LaunchCounters one = launch(), other = launch();
  one.global = {1, 8, 4};
  one.wasteful = {{"a.cu:1", {1, 8, 4}, {}}};
  other.threads = 128;
  const std::vector<KernelCounters> kernels = by_kernel({one, other, one}, gpu_named("h100"));
  REQUIRE(kernels.size() == 2);
  CHECK(kernels[0].launches == 2);
  CHECK(kernels[0].sum.blocks == 528);
  CHECK(kernels[0].sum.global.units == 16);
  CHECK(kernels[0].sum.global.ratio() == 2);
  CHECK(kernels[0].bound.least() == Approx(2 * bound_of(one, gpu_named("h100")).least()));
  REQUIRE(kernels[0].sum.wasteful.size() == 1);
  CHECK(kernels[0].sum.wasteful[0].global.units == 16);
  CHECK(kernels[1].launches == 1);
}

TEST_CASE("kernels have short names and families") {
  CHECK(short_name(launch().kernel) == "sum_kernel<4, float>");
  CHECK(family_of(launch().kernel) == "sum_kernel");
  CHECK(family_of("xr::kernels::gemm::tiles<xr::kernels::Tile<(int)4>, 2>(float*)") == "tiles");
  CHECK(short_name("fill(float*)") == "fill");
}

TEST_CASE("a kernel is held against its bar") {
  const TextFile good("kernel,sectors,wavefronts\nsum_kernel,1.5,1\n");
  const Bars bars = read_bars(good.path());
  LaunchCounters one = launch();
  one.global = {1, 6, 4};
  one.shared = {1, 4, 4};
  const auto over = [&] { return over_bars(by_kernel({one}, gpu_named("h100")), bars); };
  CHECK(over().empty());
  one.global.units = 7;
  REQUIRE(over().size() == 1);
  CHECK(over()[0] == "sum_kernel<4, float> needs 1.750 times the least sectors, its bar is 1.500");
  one.shared.units = 5;
  CHECK(over().size() == 2);
  one.kernel = "other_kernel()";
  CHECK(over() == std::vector<std::string>{"other_kernel has no bar"});

  for (const char* text :
       {"", "kernel,sectors\n", "kernel,sectors,wavefronts\nsum_kernel,1\n",
        "kernel,sectors,wavefronts\nsum_kernel,1,1,1\n", "kernel,sectors,wavefronts\nsum_kernel,a,1\n",
        "kernel,sectors,wavefronts\na,1,1\na,1,1\n"}) {
    INFO(text);
    CHECK_THROWS_AS(read_bars(TextFile(text).path()), Error);
  }
  CHECK_THROWS_WITH(read_bars("/nowhere"), Catch::Contains("/nowhere"));
}

TEST_CASE("counters are refused where they cannot be counted") {
  kernels::Backend& cpu = kernels::backend({});
  CountersSettings table, counters, none;
  table.table = "table.md";
  counters.count = true;
  CHECK_THROWS_WITH(CountersTable(table, cpu), Catch::Contains("--counters"));
  CHECK(CountersTable(none, cpu).gpu() == nullptr);
  CHECK_THROWS_WITH(CountersTable(counters, cpu),
                    Catch::Contains(can_count() ? "--device cuda" : "cmake --preset software-gpu"));
}

TEST_CASE("a copy of a megabyte is counted as what it is", "[software_gpu]") {
  if (!can_count()) return;
  kernels::Backend& gpu = kernels::backend(kernels::Device::parse("cuda"));
  constexpr std::int64_t count = 1 << 18;
  const kernels::View y{gpu.allocate(count * sizeof(float)), {count}};
  const std::vector<LaunchCounters> launches = count_launches([&] {
    gpu.run(kernels::Fill{.y = y, .value = 1});
    gpu.synchronize();
  });
  REQUIRE(launches.size() == 1);
  const LaunchCounters& fill = launches[0];
  CHECK(family_of(fill.kernel).find("kernel") != std::string::npos);
  CHECK(fill.touched_bytes == 1 << 20);
  CHECK(fill.global.units == (1 << 20) / 32);
  CHECK(fill.global.ratio() == 1);
  CHECK(fill.shared.requests == 0);
  CHECK(fill.lanes > count / 4);
  CHECK(fill.lanes <= 32 * fill.all_instructions());
  const KernelResources& resources = resources_of(fill);
  CHECK(resources.registers >= 8);
  CHECK(resources.registers <= 255);
  CHECK(resources.spill_stores == 0);
  gpu.deallocate(y.data, count * sizeof(float));

  CountersSettings settings;
  settings.count = true;
  const std::vector<KernelCounters> kernels = CountersTable(settings, gpu).by_kernel(launches);
  REQUIRE(kernels[0].resources.has_value());
  const std::string text = to_text(kernels, {1 << 20, 0}, gpu_named("h100"));
  CHECK(text.find("1.00 times the call's") != std::string::npos);
  CHECK(text.find("model of H100 SXM") != std::string::npos);
  const nlohmann::json json = to_json(kernels, gpu_named("h100"));
  CHECK(json[0].at("touched_bytes") == 1 << 20);
  CHECK(json[0].at("resources").at("registers") == resources.registers);
  settings.resources = false;
  CHECK_FALSE(CountersTable(settings, gpu).by_kernel(launches)[0].resources.has_value());
  CHECK(json[0].at("model_seconds").at("DRAM") == Approx((1 << 20) / 3.35e12));
}

}  // namespace xr::bench
