#include "apps/xrbench/kernels_command.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <tuple>

#include "apps/command_line/backend_names.h"
#include "apps/command_line/errors.h"
#include "apps/machine/machine.h"
#include "apps/xrbench/ceilings.h"
#include "apps/xrbench/kernels_report.h"
#include "apps/xrbench/machine.h"
#include "apps/xrbench/race.h"
#include "engine/io/atomic_file.h"
#include "kernels/common/error_codes.h"
#include "kernels/common/parallel.h"
#include "kernels/cudnn/operations.h"
#include "kernels/registry.h"

namespace xr::bench {

namespace {

using kernels::Backend;
using kernels::DeviceType;
using kernels::KernelChoice;
using kernels::Precision;
using nlohmann::json;

constexpr int last_rank = 5;

/// What most of a step of the report's network is spent on comes first.
int rank_of(const std::string& name) {
  const auto is_on = [&](const char* layer) { return name.find(layer) != std::string::npos; };
  if (is_on("/report_cnn.fc1")) return 0;
  if (name == "adam_step/report_cnn") return 1;
  if (name.starts_with("conv2d")) return is_on("/report_cnn") ? 2 : 3;
  if (name.starts_with("batch_norm2d_relu")) return 4;
  return last_rank;
}

class KernelsCommand {
 public:
  KernelsCommand(const KernelsSettings& settings, std::ostream& out)
      : settings_(settings),
        out_(out),
        device_(kernels::Device::parse(settings.device)),
        backend_(kernels::backend(device_)),
        counters_(settings.counters, backend_) {
    check_settings();
    backend_.configure({.precision = settings_.precision});
    race_.precision = settings_.precision;
    race_.time = !settings.check && !backend_.is_simulated();
    race_.timing = settings.timing;
    if (counters_.gpu() != nullptr) race_.counters = &counters_;
    race_.own = settings_.kernels != KernelChoice::cudnn;
    race_.library = has_library();
    race_.why_no_library = !missing_library_.empty()          ? missing_library_
                           : race_.library                    ? ""
                           : device_.type == DeviceType::simt ? "simt has none"
                                                              : "--kernels custom asks for none";
  }

  /// Throws, before time is spent, if there is no such operation or an image is too small.
  void check_operations() const {
    for (const Case& c : cases()) std::ignore = chosen(c, kernels::DType::f32);
  }

  void list() {
    for (const Case& c : cases()) {
      out_ << c.to_string() << '\n';
      for (const Operation& operation : chosen(c, backend_.activation_type()))
        out_ << fmt::format("  {:<56} {:<52} {:>10.2f} MB {:>9.3f} GFLOP\n", operation.name,
                            operation.shape(), static_cast<double>(operation.bytes()) / 1e6,
                            static_cast<double>(operation.operations()) / 1e9);
    }
  }

  void run() {
    begin_ = std::chrono::steady_clock::now();
    ReportHead head{.lines = describe(), .ceilings = std::nullopt};
    if (race_.time) {
      head.ceilings = measure_ceilings(backend_, ceiling_settings(), race_);
      wrong_ = head.ceilings->wrong;
      results_ = static_cast<int>(wrong_.size());
    }
    out_ << to_text(head) << columns_text(race_.time) << std::flush;
    all_ = to_json(head);
    all_["complete"] = false;
    if (race_.time) all_["timing"] = timing_json();
    all_["cases"] = json::array();
    write();
    for (const Case& c : cases()) run_case(c, head.ceilings);
    all_["complete"] = true;
    write();
    XR_CHECK(wrong_.empty(), "{} of {} results are wrong, the first: {}", wrong_.size(), results_,
             wrong_.front());
    counters_.check_bars();
  }

 private:
  void check_settings() const {
    const TimingSettings& t = settings_.timing;
    XR_CHECK(t.min_time >= 0 && t.max_time >= t.min_time && t.max_noise >= 0 && t.repetitions >= 0,
             "--min-time {} and --max-time {} must not be negative, the second not below the first",
             t.min_time, t.max_time);
    XR_CHECK(settings_.time_limit >= 0, "--time-limit is {}: it must not be negative", settings_.time_limit);
    XR_CHECK_CODE(device_.type == DeviceType::cuda || settings_.kernels != KernelChoice::cudnn,
                  error_code::kernels_unsupported, "cuDNN runs on CUDA devices only, not on device {}",
                  settings_.device);
  }

  /// Whether there is a library to compare with. `auto` does without, `cudnn` does not.
  bool has_library() {
    if (settings_.kernels == KernelChoice::custom || device_.type == DeviceType::simt) return false;
    if (device_.type == DeviceType::cpu) return true;
    try {
      backend_.configure({.precision = settings_.precision, .kernels = KernelChoice::cudnn});
    } catch (const Error& error) {
      if (settings_.kernels == KernelChoice::cudnn) throw;
      missing_library_ = error.what();
    }
    backend_.configure({.precision = settings_.precision});
    return missing_library_.empty();
  }

  [[nodiscard]] bool is_small() const { return settings_.check || backend_.is_simulated(); }

  /// The report's batch sizes at 224 x 224, and 512 x 512 images; where nothing is timed one small case.
  [[nodiscard]] std::vector<Case> cases() const {
    std::vector<std::int64_t> batches = settings_.batches, sizes = settings_.sizes;
    const bool given = !batches.empty() || !sizes.empty();
    if (batches.empty()) batches = {is_small() ? 2 : 60};
    if (sizes.empty()) sizes = {is_small() ? 32 : 224};
    std::vector<Case> result;
    for (const std::int64_t size : sizes)
      for (const std::int64_t batch : batches) result.push_back(make_case(batch, size));
    if (!given && !is_small())
      result = {make_case(32, 224), make_case(60, 224), make_case(256, 224), make_case(16, 512)};
    return result;
  }

  [[nodiscard]] Case make_case(std::int64_t batch, std::int64_t size) const {
    return {.batch = batch,
            .size = size,
            .channels = settings_.channels,
            .padding = settings_.padding,
            .matrix = size <= 64 ? 96 : ceiling_settings().matrix};
  }

  [[nodiscard]] CeilingSettings ceiling_settings() const {
    const std::int64_t large = device_.type == DeviceType::cuda ? 8192 : 2048;
    return {.copied_bytes = settings_.copied_bytes,
            .matrix = settings_.matrix > 0 ? settings_.matrix : large};
  }

  [[nodiscard]] std::vector<Operation> chosen(Case c, kernels::DType activation) const {
    c.activation = activation;
    std::vector<Operation> all = network_operations(c, backend_), result;
    std::string names;
    for (Operation& operation : all) {
      names += (names.empty() ? "" : ", ") + operation.name;
      if (operation.name.find(settings_.operation) != std::string::npos &&
          (settings_.case_name.empty() || is_case(operation, settings_.case_name)))
        result.push_back(std::move(operation));
    }
    // Whoever has little time wants these: what most of a step is spent on, then the larger before the
    // smaller.
    std::ranges::stable_sort(result, [](const Operation& a, const Operation& b) {
      const int rank = rank_of(a.name), other = rank_of(b.name);
      return rank != other ? rank < other : rank == last_rank && a.bytes() > b.bytes();
    });
    XR_CHECK(!result.empty() || settings_.case_name.empty(), "no case is called '{}': there are {}",
             settings_.case_name, names);
    XR_CHECK(!result.empty(), "no operation's name contains '{}': there are {}", settings_.operation, names);
    return result;
  }

  [[nodiscard]] std::vector<std::pair<std::string, std::string>> describe() const {
    std::vector<std::pair<std::string, std::string>> lines{
        {"date", today()},
        {"commit", commit()},
        {"machine", processor()},
        {"device", fmt::format("{}: {}", backend_.name(), backend_.description())},
        {"threads", std::to_string(kernels::thread_count())},
        {"compiler", machine::compiler_name()},
        {"precision", command_line::name_of(settings_.precision, command_line::precision_names())},
        {"kernels", command_line::name_of(settings_.kernels, command_line::kernel_choice_names())}};
    if (device_.type == DeviceType::cpu) lines.emplace_back("library", onednn_version());
    if (device_.type == DeviceType::cuda)
      lines.emplace_back("library",
                         missing_library_.empty() ? kernels::cudnn::describe_libraries() : missing_library_);
    if (device_.type == DeviceType::simt)
      lines.emplace_back("note",
                         "simt runs the threads of a kernel one after another on the CPU: its times mean "
                         "nothing, so results are checked and nothing is timed");
    else if (backend_.is_simulated())
      lines.emplace_back("note", "the GPU is simulated: results are checked and nothing is timed");
    if (const std::string driver = nvidia_driver(); device_.type == DeviceType::cuda && !driver.empty())
      lines.emplace_back("driver", driver);
    return lines;
  }

  /// How was measured; see TimingSettings and RaceSettings.
  [[nodiscard]] json timing_json() const {
    const TimingSettings& t = race_.timing;
    return {{"warm_up_seconds", t.warm_up},
            {"batch_seconds", t.batch_time},
            {"min_seconds", t.min_time},
            {"max_seconds", t.max_time},
            {"max_noise", t.max_noise},
            {"repetitions", t.repetitions},
            {"rotated_bytes", race_.rotate_bytes},
            {"most_rotations", race_.max_rotations}};
  }

  [[nodiscard]] bool is_over() const {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin_;
    return settings_.time_limit > 0 && passed.count() > settings_.time_limit;
  }

  /// Whether the operands fit, with the copies that checking and the library need.
  [[nodiscard]] bool fits(const Operation& operation, const Operation& reference) const {
    const auto on_device = static_cast<std::size_t>(operation.footprint() + reference.footprint());
    const auto on_host = static_cast<std::size_t>(2 * reference.footprint());
    const std::size_t host = available_host_bytes() / 10 * 9;
    if (device_.type == DeviceType::cuda)
      return on_device <= backend_.available_memory() / 10 * 9 && on_host <= host;
    return on_device + on_host <= host;
  }

  void run_case(const Case& c, const std::optional<Ceilings>& ceilings) {
    out_ << "\n## " << c.to_string() << "\n" << std::flush;
    all_["cases"].push_back({{"batch", c.batch},
                             {"channels", c.channels},
                             {"size", c.size},
                             {"padding", c.padding},
                             {"operations", json::array()},
                             {"left_out", json::array()}});
    json& results = all_["cases"].back();
    const std::vector<Operation> operations = chosen(c, backend_.activation_type()),
                                 references = chosen(c, kernels::DType::f32);
    for (const Operation& operation : operations) {
      // By name: other types have other bytes, and so another order.
      const Operation& reference = *std::ranges::find(references, operation.name, &Operation::name);
      const std::string why_not = is_over()                     ? "the time is up"
                                  : !fits(operation, reference) ? "its operands do not fit the memory"
                                                                : "";
      if (!why_not.empty()) {
        results["left_out"].push_back({{"operation", operation.name}, {"reason", why_not}});
        out_ << fmt::format("{}  {}  skipped: {}\n", operation.name, operation.shape(), why_not);
        continue;
      }
      const RaceResult result = race(backend_, operation, reference, race_);
      count(c, result);
      for (const Run& run : result.runs)
        if (!run.counters.empty())
          counters_.add(result.name, run.variant, run.counters, {result.bytes, result.operations});
      out_ << to_text(result, ceilings) << std::flush;
      results["operations"].push_back(to_json(result, ceilings));
      write();
    }
  }

  void count(const Case& c, const RaceResult& result) {
    for (const Run& run : result.runs) {
      ++results_;
      if (!run.is_wrong) continue;
      wrong_.push_back(fmt::format("{} by {} in {} {}", result.name, run.kernel, c.to_string(),
                                   run.error.empty() ? fmt::format("differs by {:.1e}, allowed are {:.1e}",
                                                                   run.difference, result.tolerance)
                                                     : run.error));
    }
  }

  /// After each operation, whole at every moment: whoever ends the run early has what was measured by then.
  void write() const {
    if (settings_.json.empty()) return;
    engine::write_file_atomically(settings_.json, all_.dump(1) + "\n");
  }

  const KernelsSettings& settings_;
  std::ostream& out_;
  kernels::Device device_;
  Backend& backend_;
  CountersTable counters_;
  RaceSettings race_;
  std::string missing_library_;
  json all_;  // what --json writes
  std::vector<std::string> wrong_;
  int results_ = 0;
  std::chrono::steady_clock::time_point begin_{};
};

}  // namespace

command_line::Command add_kernels(command_line::Command program, KernelsSettings& settings) {
  command_line::Command kernels =
      program.subcommand("kernels", "Time every kernel and its variants side by side");
  kernels.option("--device", settings.device, "cpu, cuda, cuda:N or simt").show_default();
  kernels.choice("--precision", settings.precision, command_line::precision_names(), "fp32, tf32 or bf16");
  kernels.choice("--kernels", settings.kernels, command_line::kernel_choice_names(),
                 "auto: own ones and the libraries'; custom: own ones; cudnn: the libraries'");
  kernels.option("--operation", settings.operation, "Only operations whose name contains this");
  kernels.option("--case", settings.case_name, "Only the case of this name, as --list shows it");
  kernels.option("--batch", settings.batches, "Images in a batch, several with commas").delimiter(',');
  kernels.option("--size", settings.sizes, "Pixels in a row of an image, several with commas").delimiter(',');
  kernels.option("--channels", settings.channels, "1 (grey) or 3 (colour)").show_default();
  kernels.option("--padding", settings.padding, "Padding of the first convolution").show_default();
  kernels.option("--threads", settings.threads, "CPU threads; 0: all cores").show_default();
  kernels.option("--min-time", settings.timing.min_time, "Seconds of samples for a kernel, at least")
      .show_default();
  kernels.option("--max-time", settings.timing.max_time, "Seconds after which noise is accepted")
      .show_default();
  kernels
      .option("--max-noise", settings.timing.max_noise,
              "Samples are taken until (p80 - p20) / median is below this")
      .show_default();
  kernels.option("--repetitions", settings.timing.repetitions, "Samples; 0: as the times above say")
      .show_default();
  kernels
      .option("--time-limit", settings.time_limit, "Seconds after which no further operation starts; 0: none")
      .show_default();
  kernels.flag(
      "--processor-time", settings.timing.processor_time,
      "Time what the process computes in place of the clock: for a CPU that other programs use; with "
      "--threads 1");
  kernels.option("--json", settings.json, "Also write the results to this file");
  add_counters(kernels, settings.counters);
  kernels.flag("--list", settings.list, "Print the operations and end");
  kernels.flag("--check", settings.check, "Only compare results, time nothing; small images by default");
  return kernels;
}

void run_kernels(const KernelsSettings& settings, std::ostream& out) {
  KernelsCommand command = command_line::errors_as<command_line::UsageError>([&] {
    XR_CHECK(settings.threads >= 0, "--threads is {}: it must not be negative", settings.threads);
    if (settings.threads > 0) kernels::set_thread_count(settings.threads);
    return KernelsCommand(settings, out);
  });
  command_line::errors_as<command_line::UsageError>([&] { command.check_operations(); });
  if (settings.list)
    command.list();
  else
    command.run();
}

}  // namespace xr::bench
