#include "apps/xrbench/race.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <utility>

#include "apps/xrbench/operands.h"

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
  return launch.kernel.starts_with("cudnn") || launch.kernel.starts_with("cublas");
}

class Race {
 public:
  Race(Backend& backend, const Operation& operation, const Operation& reference, const RaceSettings& settings)
      : backend_(backend), operation_(operation), settings_(settings) {
    compute_reference(reference);
    sets_.push_back(std::make_unique<Operands>(backend, operation));
  }

  RaceResult run() {
    RaceResult result{.name = operation_.name,
                      .shape = operation_.shape,
                      .bytes = operation_.bytes(),
                      .operations = operation_.operations,
                      .tolerance = tolerance_of(operation_, settings_.precision),
                      .runs = {}};
    if (settings_.own) {
      run_backend(result, {.precision = settings_.precision, .kernels = KernelChoice::custom});
      for (const std::string& variant : operation_.variants)
        run_backend(result, {settings_.precision, KernelChoice::custom, variant});
    }
    if (settings_.library && backend_.name() == "cpu")
      run_one_dnn(result);
    else if (settings_.library)
      run_backend(result, {.precision = settings_.precision, .kernels = KernelChoice::cudnn});
    backend_.configure({.precision = settings_.precision});
    return result;
  }

 private:
  // The plain kernel in fp32. It is the direct one where there is a choice, and the only one elsewhere.
  void compute_reference(const Operation& reference) {
    backend_.configure({.kernels = KernelChoice::custom, .variant = "direct"});
    Operands operands(backend_, reference);
    std::vector<LaunchRecord> launches;
    make_ready(operands, reference);
    {
      const Recording recording(backend_, launches);
      reference.call(backend_, operands.views());
    }
    expected_ = operands.results();
    reference_key_ = key_of(launches);
  }

  void make_ready(Operands& operands, const Operation& operation) const {
    operands.fill(operation_, 1);
    if (operation.prepare) operation.prepare(backend_, operands.views());
    operands.poison();
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

  void run_backend(RaceResult& result, const BackendOptions& options) {
    backend_.configure(options);
    Run run{.variant = options.variant, .is_library = options.kernels == KernelChoice::cudnn};
    bool is_new = true;
    with_error(run, [&] {
      make_ready(*sets_[0], operation_);
      {
        const Recording recording(backend_, run.launches);
        operation_.call(backend_, sets_[0]->views());
      }
      check(run, result);
      const bool asked_library = std::ranges::any_of(run.launches, is_of_library);
      is_new = seen_.insert(key_of(run.launches)).second && run.is_library == asked_library;
    });
    if (!is_new) return;
    run.kernel = name_of(operation_, run.launches);
    run.is_reference = settings_.precision == Precision::fp32 && key_of(run.launches) == reference_key_;
    if (settings_.time && !run.is_wrong)
      with_error(run, [&] {
        prepare_sets();
        run.timing = measure(
            settings_.timing, [&](int i) { operation_.call(backend_, set(i).views()); },
            [&] { backend_.synchronize(); });
      });
    result.runs.push_back(std::move(run));
  }

  void run_one_dnn(RaceResult& result) {
    if (!operation_.one_dnn) return;
    Run run{.kernel = "oneDNN", .is_library = true};
    with_error(run, [&] {
      make_ready(*sets_[0], operation_);
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
        (settings_.rotate_bytes - 1) / std::max<std::int64_t>(1, operation_.footprint()) + 1, 1,
        settings_.most_rotations);
    while (static_cast<std::int64_t>(sets_.size()) < wanted)
      sets_.push_back(std::make_unique<Operands>(backend_, operation_));
    for (std::size_t i = 0; i < sets_.size(); ++i) {
      sets_[i]->fill(operation_, i + 1);
      if (operation_.prepare) operation_.prepare(backend_, sets_[i]->views());
    }
    sets_are_ready_ = true;
  }

  Backend& backend_;
  const Operation& operation_;
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
  for (const Operand& operand : operation.operands) {
    const std::int64_t count = std::max<std::int64_t>(1, operand.shape.numel());
    largest = std::max(largest, count);
    if (operand.role == Role::output && (smallest == 0 || count < smallest)) smallest = count;
  }
  smallest = std::max<std::int64_t>(1, smallest == 0 ? largest : smallest);
  if (!operation.is_product) return static_cast<double>(largest) / static_cast<double>(smallest);
  const auto result = std::ranges::find(operation.operands, Role::output, &Operand::role);
  return static_cast<double>(operation.operations) / 2 / static_cast<double>(result->shape.numel());
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

double least_seconds(const Ceilings& ceilings, std::int64_t bytes, std::int64_t operations) {
  return std::max(static_cast<double>(bytes) / ceilings.copy_bandwidth,
                  static_cast<double>(operations) / ceilings.product_rate);
}

double tolerance_of(const Operation& operation, Precision precision) {
  // bf16 rounds operands and results to 2^-8 of themselves, TF32 operands of products to 2^-11. In fp32
  // Winograd's transforms cost a few bits, and n random numbers added one after another 2^-24 sqrt(n).
  if (precision == Precision::bf16) return 5e-3;
  const double in_order = 6e-8 * std::sqrt(longest_sum(operation));
  return std::max(operation.is_product && precision == Precision::tf32 ? 1e-3 : 2e-5, in_order);
}

RaceResult race(Backend& backend, const Operation& operation, const Operation& reference,
                const RaceSettings& settings) {
  return Race(backend, operation, reference, settings).run();
}

}  // namespace xr::bench
