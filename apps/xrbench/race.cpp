#include "apps/xrbench/race.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <set>
#include <utility>

#include "apps/xrbench/operands.h"
#include "kernels/cudnn/operations.h"

namespace xr::bench {

namespace {

using kernels::Backend;
using kernels::BackendOptions;
using kernels::KernelChoice;
using kernels::LaunchRecord;
using kernels::Precision;

/// Stops the recording also when a call throws.
class Recording {
 public:
  Recording(Backend& backend, std::vector<LaunchRecord>& records) : backend_(backend) {
    backend.record_launches(&records);
  }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;
  ~Recording() { backend_.record_launches(nullptr); }

 private:
  Backend& backend_;
};

std::string name_of(const Operation& operation, const std::vector<LaunchRecord>& launches) {
  if (launches.empty()) return operation.cpu_kernel;
  const auto main = std::ranges::max_element(launches, {}, [](const LaunchRecord& launch) {
    return std::pair{launch.operations, launch.bytes};
  });
  return launches.size() == 1 ? main->kernel : fmt::format("{} + {}", main->kernel, launches.size() - 1);
}

/// What tells two ways to compute a call apart.
std::string key_of(const std::vector<LaunchRecord>& launches) {
  std::string key;
  for (const LaunchRecord& launch : launches)
    key += fmt::format("{} {} {} {};", launch.kernel, launch.grid[0], launch.grid[1], launch.block[0]);
  return key;
}

bool is_of_library(const LaunchRecord& launch) {
  return launch.library != kernels::Library::hand_written;
}

class Race {
 public:
  Race(Backend& backend, const Operation& operation, const Operation& reference, const RaceSettings& settings)
      : backend_(backend), operation_(operation), reference_(reference), settings_(settings) {}

  RaceResult run() {
    RaceResult result{.name = operation_.name,
                      .shape = operation_.shape(),
                      .bytes = operation_.bytes(),
                      .operations = operation_.operations(),
                      .tolerance = tolerance_of(operation_, settings_.precision),
                      .runs = {},
                      .why_no_library = settings_.why_no_library,
                      .counted_for = settings_.counters != nullptr ? settings_.counters->gpu() : nullptr};
    Run reference{.kernel = "the reference"};
    with_error(reference, [&] {
      compute_reference();
      sets_.push_back(std::make_unique<Operands>(backend_, operation_));
      sets_[0]->fill(operation_, 1);
    });
    if (reference.error.empty())
      run_all(result);
    else
      result.runs.push_back(std::move(reference));
    backend_.configure({.precision = settings_.precision});
    return result;
  }

 private:
  void run_all(RaceResult& result) {
    if (settings_.own) {
      run_backend(result, options(KernelChoice::custom));
      for (const std::string& variant : operation_.call.variants)
        run_backend(result, options(KernelChoice::custom, variant));
    }
    if (!settings_.library) return;
    if (backend_.name() == "cpu") {
      run_one_dnn(result);
      if (!operation_.one_dnn) result.why_no_library = "no primitive of oneDNN is set up for it";
      return;
    }
    if (run_backend(result, options(KernelChoice::cudnn)))
      run_plans(result);
    else
      result.why_no_library = "cuDNN and cuBLAS do not have it for these operands";
  }

  [[nodiscard]] BackendOptions options(KernelChoice kernels, std::string variant = {}) const {
    return {settings_.precision, kernels, std::move(variant)};
  }

  // The plain kernel in fp32. It is the direct one where there is a choice, and the only one elsewhere.
  void compute_reference() {
    backend_.configure({.kernels = KernelChoice::custom, .variant = "direct"});
    Operands operands(backend_, reference_);
    operands.fill(operation_, 1);
    prepare(reference_, operands);
    operands.poison();
    reference_key_ = key_of(recorded_call(reference_, operands));
    expected_ = operands.results();
  }

  void prepare(const Operation& operation, const Operands& operands) const {
    if (operation.call.prepare) operation.call.prepare(backend_, operands.views());
  }

  [[nodiscard]] std::vector<LaunchRecord> recorded_call(const Operation& operation,
                                                        const Operands& operands) const {
    std::vector<LaunchRecord> launches;
    const Recording recording(backend_, launches);
    operation.run(backend_, operands.views());
    return launches;
  }

  /// The first set as the reference found it: inputs are as they were drawn, calls change the rest.
  void make_ready() const {
    sets_[0]->redraw_states(operation_, 1);
    prepare(operation_, *sets_[0]);
    sets_[0]->poison();
  }

  void check(Run& run, const RaceResult& result) const {
    run.difference = sets_[0]->difference(expected_);
    run.is_wrong = !(run.difference <= result.tolerance);
  }

  template <class Action>
  static void with_error(Run& run, Action&& action) {
    try {
      action();
    } catch (const Error& error) {
      run.error = error.what();
      run.is_wrong = true;
    }
  }

  /// Whether a call that launched this is none that ran before, nor an own kernel in place of a library's.
  bool is_new(const Run& run, const std::vector<LaunchRecord>& launches) {
    return run.is_library == std::ranges::any_of(launches, is_of_library) &&
           seen_.insert(key_of(launches)).second;
  }

  /// The call whose results are looked at.
  void call(Run& run) const {
    const auto work = [&] { run.launches = recorded_call(operation_, *sets_[0]); };
    if (settings_.counters == nullptr) return work();
    backend_.synchronize();
    const std::vector<LaunchCounters> launches = count_launches([&] {
      work();
      backend_.synchronize();
    });
    run.counters = settings_.counters->by_kernel(launches);
  }

  /// False where it runs what ran before; there is no row then.
  bool run_backend(RaceResult& result, const BackendOptions& options) {
    backend_.configure(options);
    Run run{.variant = options.variant, .is_library = options.kernels == KernelChoice::cudnn};
    bool counts = true;
    with_error(run, [&] {
      // Most variants do not fit a call, and the usual kernel runs: a look before results are compared.
      const bool is_first = seen_.empty();
      if (!is_first) {
        prepare(operation_, *sets_[0]);
        counts = is_new(run, recorded_call(operation_, *sets_[0]));
        if (!counts) return;
      }
      make_ready();
      call(run);
      check(run, result);
      if (is_first) counts = is_new(run, run.launches);
    });
    if (!counts) return false;
    run.kernel = name_of(operation_, run.launches);
    run.is_reference = settings_.precision == Precision::fp32 && key_of(run.launches) == reference_key_;
    if (settings_.time && !run.is_wrong) with_error(run, [&] { run.timing = time_calls(settings_.timing); });
    result.runs.push_back(std::move(run));
    return true;
  }

  [[nodiscard]] Timing time_calls(const TimingSettings& timing) {
    prepare_sets();
    return measure(
        timing, [&](int i) { operation_.run(backend_, set(i).views()); }, [&] { backend_.synchronize(); });
  }

  [[nodiscard]] bool is_cudnn_convolution(const Run& run) const {
    return operation_.call.name.starts_with("conv2d") &&
           std::ranges::any_of(run.launches, [](const kernels::LaunchRecord& launch) {
             return launch.library == kernels::Library::cudnn;
           });
  }

  /// cuDNN's other plans for a convolution: a short look at each, and a row for the fastest if that is not
  /// the one that is taken without measuring.
  void run_plans(RaceResult& result) {
    const auto row = static_cast<std::ptrdiff_t>(result.runs.size()) - 1;
    if (!settings_.time || !is_cudnn_convolution(result.runs.back())) return;
    constexpr TimingSettings look{.min_time = 0, .max_time = 0, .repetitions = 3, .warm_up = 2e-3};
    Run best;
    double best_seconds = std::numeric_limits<double>::infinity();
    int plans = 0;
    // cuDNN may compile an engine for a plan: where that takes long, the first few must do.
    constexpr std::chrono::seconds patience{2};
    const auto begin = std::chrono::steady_clock::now();
    for (int plan = 0; plan < kernels::cudnn::max_plans; ++plan) {
      if (std::chrono::steady_clock::now() - begin > patience) break;
      const std::string variant = plan == 0 ? "" : fmt::format("{}{}", kernels::cudnn::plan_variant, plan);
      backend_.configure(options(KernelChoice::cudnn, variant));
      Run run{.variant = variant};
      bool exists = true;
      with_error(run, [&] {
        exists = std::ranges::any_of(recorded_call(operation_, *sets_[0]), is_of_library);
        if (exists) run.timing = time_calls(look);
      });
      if (!exists) break;
      if (!run.timing) continue;
      ++plans;
      if (run.timing->median >= best_seconds) continue;
      best_seconds = run.timing->median;
      best = run;
    }
    if (!best.variant.empty()) run_backend(result, options(KernelChoice::cudnn, best.variant));
    const auto fastest =
        std::min_element(result.runs.begin() + row, result.runs.end(), [](const Run& a, const Run& b) {
          return a.timing && (!b.timing || a.timing->median < b.timing->median);
        });
    if (fastest->timing) fastest->kernel += fmt::format(" (best of {} deterministic plans)", plans);
  }

  void run_one_dnn(RaceResult& result) {
    if (!operation_.one_dnn) return;
    Run run{.kernel = "oneDNN", .is_library = true};
    with_error(run, [&] {
      make_ready();
      const std::unique_ptr<OneDnnPeer> peer = operation_.one_dnn(sets_[0]->views());
      run.kernel = peer->kernel();
      peer->run();
      peer->store();
      check(run, result);
      if (!settings_.time || run.is_wrong) return;
      prepare_sets();
      std::vector<std::unique_ptr<OneDnnPeer>> peers;
      for (const auto& operands : sets_) peers.push_back(operation_.one_dnn(operands->views()));
      run.timing = measure(
          settings_.timing, [&](int i) { peers[static_cast<std::size_t>(i) % peers.size()]->run(); }, [] {});
    });
    result.runs.push_back(std::move(run));
  }

  [[nodiscard]] const Operands& set(int i) const {
    return *sets_[static_cast<std::size_t>(i) % sets_.size()];
  }

  /// As many sets of operands as the caches cannot hold, each filled.
  void prepare_sets() {
    if (sets_are_ready_) return;
    const std::int64_t wanted = std::clamp<std::int64_t>(
        (settings_.rotate_bytes - 1) / std::max<std::int64_t>(1, operation_.touched_bytes()) + 1, 1,
        settings_.max_rotations);
    while (static_cast<std::int64_t>(sets_.size()) < wanted) {
      sets_.push_back(std::make_unique<Operands>(backend_, operation_));
      sets_.back()->fill(operation_, sets_.size());
      prepare(operation_, *sets_.back());
    }
    sets_are_ready_ = true;
  }

  Backend& backend_;
  const Operation &operation_, &reference_;
  const RaceSettings& settings_;
  Results expected_;
  std::string reference_key_;
  std::vector<std::unique_ptr<Operands>> sets_;
  std::set<std::string> seen_;
  bool sets_are_ready_ = false;
};

/// How many numbers an element of a result is the sum of, at most: in a product from the work, elsewhere from
/// the sizes of the largest operand and the smallest result.
double longest_sum(const Operation& operation) {
  std::int64_t largest = 1, smallest = 0;
  for (const Operand& operand : operation.call.operands) {
    const std::int64_t count = std::max<std::int64_t>(1, operand.shape.numel());
    largest = std::max(largest, count);
    if (operand.role == Role::output && (smallest == 0 || count < smallest)) smallest = count;
  }
  smallest = std::max<std::int64_t>(1, smallest == 0 ? largest : smallest);
  if (!operation.call.is_product) return static_cast<double>(largest) / static_cast<double>(smallest);
  const auto result = std::ranges::find(operation.call.operands, Role::output, &Operand::role);
  return static_cast<double>(operation.call.flops) / 2 / static_cast<double>(result->shape.numel());
}

const Run* fastest(const std::vector<Run>& runs, bool of_library_only) {
  const Run* best = nullptr;
  for (const Run& run : runs)
    if (run.timing && !run.is_wrong && (run.is_library || !of_library_only) &&
        (best == nullptr || run.timing->median < best->timing->median))
      best = &run;
  return best;
}

}  // namespace

std::int64_t Run::recorded_bytes() const {
  std::int64_t sum = 0;
  for (const LaunchRecord& launch : launches) sum += launch.bytes;
  return sum;
}

std::int64_t Run::recorded_operations() const {
  std::int64_t sum = 0;
  for (const LaunchRecord& launch : launches) sum += launch.operations;
  return sum;
}

const Run* RaceResult::winner() const {
  return fastest(runs, false);
}

const Run* RaceResult::library() const {
  return fastest(runs, true);
}

double min_seconds(const Ceilings& ceilings, std::int64_t bytes, std::int64_t operations) {
  return std::max(static_cast<double>(bytes) / ceilings.copy_bandwidth,
                  static_cast<double>(operations) / ceilings.product_rate);
}

double tolerance_of(const Operation& operation, Precision precision) {
  return tests::kernel_tolerance_of(operation.call.is_product, precision, longest_sum(operation));
}

RaceResult race(Backend& backend, const Operation& operation, const Operation& reference,
                const RaceSettings& settings) {
  return Race(backend, operation, reference, settings).run();
}

}  // namespace xr::bench
