#include "apps/xrbench/step.h"
#include "apps/command_line/errors.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "apps/command_line/backend_names.h"
#include "apps/xrbench/machine.h"
#include "apps/xrbench/step_profile.h"
#include "apps/xrbench/step_work.h"
#include "engine/core/allocator.h"
#include "kernels/common/parallel.h"

namespace xr::bench {

namespace {

using nlohmann::json;

std::string name_of(kernels::Precision precision) {
  return command_line::name_of(precision, command_line::precision_names());
}

bool is_asynchronous(const StepSettings& settings) {
  return settings.model.device.type == kernels::DeviceType::cuda;
}

struct Measured {
  std::vector<double> seconds;  ///< per step, one for each block
  std::vector<double> losses;   ///< one for each step
  int block = 1;
};

/// `count` steps in blocks of `block`; the last may be smaller.
Measured measure(StepWork& work, int count, int block) {
  Measured measured{.seconds = {}, .losses = {}, .block = std::min(block, count)};
  for (int done = 0; done < count; done += block) {
    const int steps = std::min(block, count - done);
    const auto start = std::chrono::steady_clock::now();
    const std::vector<float> losses = work.run(steps);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    measured.seconds.push_back(taken.count() / steps);
    measured.losses.insert(measured.losses.end(), losses.begin(), losses.end());
  }
  return measured;
}

/// On the host, or on the GPU where that is the device.
std::size_t peak_bytes(const StepSettings& settings) {
  if (is_asynchronous(settings))
    return engine::allocator(settings.model.device).statistics().peak_bytes_reserved;
  return peak_resident_bytes();
}

/// Times on a simulated device mean nothing and are not reported.
bool is_timed(const StepSettings& settings) {
  return !kernels::backend(settings.model.device).is_simulated();
}

json to_json(const Measured& measured, const StepSettings& settings) {
  json losses = json::array();
  for (const double loss : measured.losses)
    losses.push_back(std::isfinite(loss) ? json(loss) : json(nullptr));
  json result = {{"block", measured.block}, {"losses", losses}, {"peak_bytes", peak_bytes(settings)}};
  if (is_timed(settings)) result["seconds"] = measured.seconds;
  return result;
}

json about(const StepWork& work, const StepSettings& settings) {
  kernels::Backend& backend = kernels::backend(settings.model.device);
  return {{"program", "xrbench " + settings.model.name},
          {"inference", settings.inference},
          {"commit", commit()},
          {"mode", settings.model.device.to_string()},
          {"device", backend.description()},
          {"simulated", backend.is_simulated()},
          {"precision", name_of(settings.backend.precision)},
          {"threads", kernels::thread_count()},
          {"batch_size", settings.batch_size},
          {"parameters", work.parameter_count()}};
}

void serve(StepWork& work, const StepSettings& settings) {
  json ready = about(work, settings);
  ready["ready"] = true;
  std::cout << ready.dump() << std::endl;
  for (std::string line; std::getline(std::cin, line) && line != "quit";) {
    int count = 0;
    char rest = 0;
    if (std::sscanf(line.c_str(), "step %d%c", &count, &rest) != 1 || count < 1) {
      std::cout << json{{"error", "expected 'step K' or 'quit', not '" + line + "'"}}.dump() << std::endl;
      throw Error(fmt::format("unknown request '{}': send 'step K' or 'quit'", line));
    }
    // A request is a block where the device runs on while the host goes ahead.
    const Measured measured = measure(work, count, is_asynchronous(settings) ? count : 1);
    std::cout << to_json(measured, settings).dump() << std::endl;
  }
}

void print(const StepWork& work, const Measured& measured, const StepSettings& settings) {
  fmt::print("{}{} on {} in {}, batch {} x {} x {} x {}, {} parameters, {} threads{}\n",
             settings.inference ? "inference of " : "", settings.model.name,
             settings.model.device.to_string(), name_of(settings.backend.precision), settings.batch_size,
             settings.model.channels, settings.model.image_size, settings.model.image_size,
             work.parameter_count(), kernels::thread_count(),
             work.replayed() ? ", recorded and replayed" : "");
  if (!is_timed(settings)) {
    fmt::print("step: not timed, because the device is simulated; loss {:.4f}\n", measured.losses.back());
    return;
  }
  fmt::print(
      "step: median {:.2f} ms, p20 {:.2f} ms, p80 {:.2f} ms over {} steps in blocks of {}; peak memory "
      "{:.2f} GB; loss {:.4f}\n",
      quantile(measured.seconds, 0.5) * 1e3, quantile(measured.seconds, 0.2) * 1e3,
      quantile(measured.seconds, 0.8) * 1e3, settings.steps, measured.block,
      static_cast<double>(peak_bytes(settings)) / 1e9, measured.losses.back());
}

/// One step after the warm-up, kernel by kernel.
void count_step(StepWork& work, const StepSettings& settings, CountersTable& table) {
  const std::vector<KernelCounters> kernels = table.by_kernel(count_launches([&] { (void)work.run(1); }));
  if (settings.json) {
    json result = about(work, settings);
    result["counters"] = to_json(kernels, *table.gpu());
    std::cout << result.dump() << '\n';
  } else {
    fmt::print("{} in {}, batch {} x {} x {} x {}, one step, counted and modelled, not measured:\n{}",
               settings.model.name, name_of(settings.backend.precision), settings.batch_size,
               settings.model.channels, settings.model.image_size, settings.model.image_size,
               to_text(kernels, {}, *table.gpu()));
  }
  table.add(settings.model.name, "", kernels, {});
  table.check_bars();
}

}  // namespace

void run_step(const StepSettings& settings) {
  command_line::errors_as<command_line::UsageError>([&] {
    XR_CHECK(settings.batch_size >= 1 && settings.steps >= 1 && settings.warm_up >= 0 && settings.block >= 0,
             "batch size and steps must be at least 1, warm-up and block at least 0");
    XR_CHECK(!settings.serve || !settings.counters.count, "--serve answers with times: leave out --counters");
    XR_CHECK(!settings.profile || settings.model.device.type == kernels::DeviceType::cpu,
             "--profile times calls where they are made: use --device cpu");
    XR_CHECK(!settings.profile || !settings.serve,
             "--serve answers with times of steps: leave out --profile");
    if (settings.threads > 0) kernels::set_thread_count(settings.threads);
    kernels::backend(settings.model.device).configure(settings.backend);
  });
  std::optional<CountersTable> counters;
  command_line::errors_as<command_line::UsageError>(
      [&] { counters.emplace(settings.counters, kernels::backend(settings.model.device)); });
  const std::unique_ptr<StepWork> work = make_step_work(settings);
  if (!settings.write_state.empty()) work->write_state(settings.write_state);
  if (settings.serve) return serve(*work, settings);

  const int usual_block = is_asynchronous(settings) ? 10 : 1;
  const int block = settings.block > 0 ? settings.block : usual_block;
  if (settings.warm_up > 0) measure(*work, settings.warm_up, block);
  if (counters->gpu() != nullptr) return count_step(*work, settings, *counters);
  const Measured measured = measure(*work, settings.steps, block);
  std::optional<StepProfile> calls;
  if (settings.profile) calls = profile(kernels::backend(settings.model.device), *work, settings.steps);
  if (!settings.json) {
    print(*work, measured, settings);
    if (calls) fmt::print("{}", to_text(*calls));
    return;
  }
  json result = to_json(measured, settings);
  result.update(about(*work, settings));
  result["replayed"] = work->replayed();
  if (calls) result["profile"] = to_json(*calls);
  if (is_timed(settings)) {
    result["median_seconds"] = quantile(measured.seconds, 0.5);
    result["p20_seconds"] = quantile(measured.seconds, 0.2);
    result["p80_seconds"] = quantile(measured.seconds, 0.8);
  }
  std::cout << result.dump() << '\n';
}

}  // namespace xr::bench
