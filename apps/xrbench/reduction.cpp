#include "apps/xrbench/reduction.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <ostream>

#include "apps/command_line/errors.h"
#include "apps/mpi/launcher.h"
#include "apps/mpi/process_ranks.h"
#include "apps/xrbench/machine.h"
#include "engine/distributed/bucket_sums.h"
#include "kernels/common/random.h"

namespace xr::bench {

namespace {

constexpr std::int64_t floats_of_a_megabyte = 250'000;

struct Samples {
  std::vector<double> ordered, library;  ///< seconds of the slowest rank
  std::uint64_t sent_bytes = 0;          ///< by this rank in one ordered sum
};

/// Seconds of `work` on the slowest rank. All begin at once.
double time_of(mpi::ProcessRanks& ranks, const std::function<void()>& work) {
  ranks.barrier();
  const auto started = std::chrono::steady_clock::now();
  work();
  const double mine = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  std::vector<double> all(static_cast<std::size_t>(ranks.size()));
  ranks.all_gather(std::as_bytes(std::span(&mine, 1)), std::as_writable_bytes(std::span(all)));
  return *std::ranges::max_element(all);
}

/// Both sums of one vector a rank, in turn.
class Race {
 public:
  Race(mpi::ProcessRanks& ranks, std::int64_t count)
      : ranks_(ranks),
        buckets_(engine::cut_into_buckets({0, count})),
        sums_(widths(buckets_), ranks.size(), &ranks),
        values_(static_cast<std::size_t>(count)),
        library_sum_(values_.size()) {
    Philox random(1, static_cast<std::uint64_t>(ranks.rank()));
    for (float& value : values_) value = random.uniform(-0.5F, 0.5F);
  }

  Samples run(int repetitions) {
    Samples samples;
    for (int i = -1; i < repetitions; ++i) {  // once to warm up
      const bool library_first = i % 2 == 0;
      const double before = library_first ? library() : 0.0;
      const std::uint64_t sent = ranks_.sent_bytes();
      const double ordered_seconds = ordered();
      samples.sent_bytes = sent_ - sent;
      const double library_seconds = library_first ? before : library();
      if (i < 0) check();
      if (i < 0) continue;
      samples.ordered.push_back(ordered_seconds);
      samples.library.push_back(library_seconds);
    }
    return samples;
  }

 private:
  static std::vector<std::size_t> widths(const std::vector<engine::Range>& buckets) {
    std::vector<std::size_t> result;
    for (const engine::Range& bucket : buckets) result.push_back(static_cast<std::size_t>(bucket.count()));
    return result;
  }

  double ordered() {
    sums_.begin();
    for (std::size_t i = 0; i < buckets_.size(); ++i)
      std::ranges::copy(of_bucket(values_, i), sums_.next(i).begin());
    return time_of(ranks_, [&] {
      for (std::size_t i = 0; i < buckets_.size(); ++i) sums_.add_shard(i, ranks_.rank());
      for (std::size_t i = 0; i < buckets_.size(); ++i) (void)sums_.finish(i);
      sent_ = ranks_.sent_bytes();
    });
  }

  double library() {
    std::ranges::copy(values_, library_sum_.begin());
    return time_of(ranks_, [&] { ranks_.library_sum(library_sum_); });
  }

  void check() {
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      const std::span<const float> ours = sums_.finish(i), theirs = of_bucket(library_sum_, i);
      for (std::size_t k = 0; k < ours.size(); ++k)
        XR_CHECK(std::abs(ours[k] - theirs[k]) <= 1e-6F * static_cast<float>(ranks_.size()),
                 "the sums of float {} differ: {} in the fixed order, {} by MPI", k, ours[k], theirs[k]);
    }
  }

  std::span<const float> of_bucket(const std::vector<float>& values, std::size_t i) const {
    return std::span(values).subspan(static_cast<std::size_t>(buckets_[i].begin),
                                     static_cast<std::size_t>(buckets_[i].count()));
  }

  mpi::ProcessRanks& ranks_;
  std::vector<engine::Range> buckets_;
  engine::BucketSums sums_;
  std::vector<float> values_, library_sum_;
  std::uint64_t sent_ = 0;
};

std::string milliseconds(const std::vector<double>& seconds) {
  return fmt::format("{:.2f} ({:.2f}-{:.2f})", 1e3 * quantile(seconds, 0.5), 1e3 * quantile(seconds, 0.2),
                     1e3 * quantile(seconds, 0.8));
}

void run_sizes(mpi::ProcessRanks& ranks, const ReductionSettings& settings, std::ostream& out) {
  const int count = ranks.size();
  if (ranks.rank() == 0)
    out << fmt::format(
        "{} ranks on {}, {}, {}, commit {}, {}; medians and 20 to 80% of {} repetitions\n\n"
        "| MB | fixed order, ms | MPI_Allreduce, ms | ratio | MB sent per rank | 2 (N - 1) / N x MB |\n"
        "|---:|---:|---:|---:|---:|---:|\n",
        count, ranks.host(0), mpi::library(), processor(), commit(), today(), settings.repetitions);
  for (const std::int64_t size : settings.megabytes) {
    const Samples samples = Race(ranks, size * floats_of_a_megabyte).run(settings.repetitions);
    if (ranks.rank() != 0) continue;
    out << fmt::format(
        "| {} | {} | {} | {:.2f} | {:.2f} | {:.2f} |\n", size, milliseconds(samples.ordered),
        milliseconds(samples.library), quantile(samples.ordered, 0.5) / quantile(samples.library, 0.5),
        static_cast<double>(samples.sent_bytes) / 1e6, 2.0 * (count - 1) / count * static_cast<double>(size));
    out.flush();
  }
}

}  // namespace

command_line::Command add_reduction(command_line::Command program, ReductionSettings& settings) {
  command_line::Command reduction = program.subcommand(
      "reduction", "Time the sum of gradients over the ranks of mpirun, beside MPI_Allreduce");
  reduction.option("--megabytes", settings.megabytes, "Sizes, in millions of bytes of floats").show_default();
  reduction.option("--repetitions", settings.repetitions, "Repetitions of each sum, in turn").show_default();
  return reduction;
}

void run_reduction(const ReductionSettings& settings, std::ostream& out) {
  if (mpi::launched_ranks() == 1)
    throw command_line::UsageError(
        "reduction needs several ranks: start it with mpirun -n 2 xrbench reduction");
  if (settings.repetitions < 1 || std::ranges::any_of(settings.megabytes, [](auto size) { return size < 1; }))
    throw command_line::UsageError("--megabytes and --repetitions must be at least 1");
  const std::unique_ptr<mpi::ProcessRanks> ranks = command_line::errors_as<command_line::UsageError>(
      [] { return mpi::join_ranks(std::chrono::seconds(600)); });
  try {
    run_sizes(*ranks, settings, out);
  } catch (const std::exception& error) {
    ranks->fail(fmt::format("xrbench: error: {}: {}", ranks->describe(ranks->rank()), error.what()), 1);
  }
  ranks->leave();
}

}  // namespace xr::bench
