#include "apps/xrbench/ceilings.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/xrbench/operands.h"
#include "kernels/common/parallel.h"
#include "kernels/common/stream.h"

namespace xr::bench {

namespace {

using kernels::Backend;
using kernels::View;

/// On all threads, around the caches.
void stream_all(const View& from, const View& to) {
  kernels::parallel_ranges(from.numel(), 1 << 18, [&](std::int64_t begin, std::int64_t end) {
    kernels::stream_copy(to.as<float>() + begin, from.as<float>() + begin, end - begin);
    kernels::stream_fence();
  });
}

void measure_copies(Backend& backend, const CeilingSettings& settings, const RaceSettings& race,
                    Ceilings& ceilings) {
  const kernels::Shape shape{settings.copied_bytes / 4};
  Operation copy{.name = "copy"};
  copy.call.operands = {tests::input("from", shape), tests::output("to", shape)};
  Operands operands(backend, copy);
  operands.fill(copy, 1);
  const View from = operands.views()[0], to = operands.views()[1];
  const auto time = [&](const char* by, const std::function<void(int)>& call) {
    const Timing timing = measure(race.timing, call, [&] { backend.synchronize(); });
    const double rate = static_cast<double>(copy.touched_bytes()) / timing.fastest;
    if (rate <= ceilings.copy_bandwidth) return;
    ceilings.copy_bandwidth = rate;
    ceilings.copied_by = by;
  };
  time("copy", [&](int) { backend.copy(to.data, from.data, from.bytes()); });
  time("scale", [&](int) { backend.run(kernels::Scale{.x = from, .y = to}); });
  if (backend.name() == "cpu") time("streaming copy", [&](int) { stream_all(from, to); });
}

void measure_products(Backend& backend, const CeilingSettings& settings, const RaceSettings& race_settings,
                      Ceilings& ceilings) {
  backend.configure({.precision = race_settings.precision});
  const auto product = [&](kernels::DType activation) {
    const std::vector<Operation> all =
        network_operations({.batch = 1, .matrix = settings.matrix, .activation = activation}, backend);
    Operation found = *std::ranges::find(all, "matmul/square", &Operation::name);
    found.call.variants.clear();  // slower ones take time and are no ceiling
    return found;
  };
  const RaceResult result =
      race(backend, product(backend.activation_type()), product(kernels::DType::f32), race_settings);
  take_product_ceiling(result, ceilings);
}

}  // namespace

void take_product_ceiling(const RaceResult& result, Ceilings& ceilings) {
  for (const Run& run : result.runs) {
    if (run.is_wrong || !run.timing) {
      ceilings.wrong.push_back(
          fmt::format("{} by {}: {}", result.shape, run.kernel,
                      run.error.empty() ? fmt::format("it differs by {:.1e}", run.difference) : run.error));
      continue;
    }
    const double rate = static_cast<double>(result.operations) / run.timing->fastest;
    if (rate <= ceilings.product_rate) continue;
    ceilings.product_rate = rate;
    ceilings.multiplied_by = run.kernel;
  }
  XR_CHECK(ceilings.product_rate > 0, "no right product to measure the ceiling with: {}",
           fmt::join(ceilings.wrong, "; "));
}

Ceilings measure_ceilings(Backend& backend, const CeilingSettings& settings, const RaceSettings& race) {
  Ceilings ceilings;
  RaceSettings all = race;
  all.own = all.time = true;
  measure_copies(backend, settings, all, ceilings);
  measure_products(backend, settings, all, ceilings);
  return ceilings;
}

}  // namespace xr::bench
