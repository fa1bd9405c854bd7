// The ranks that work together: this process alone, or those that mpirun started.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "apps/mpi/process_ranks.h"
#include "kernels/registry.h"

namespace xr::apps {

/// Something that all ranks must have in common: its name for people, and its value.
using SharedFact = std::pair<std::string, std::string>;

class Ranks {
 public:
  /// Joins the ranks that a launcher started, if it started several. Throws UsageError where this build has no MPI.
  Ranks();

  [[nodiscard]] bool are_several() const { return ranks_ != nullptr; }
  /// The one that prints and writes.
  [[nodiscard]] bool is_first() const { return rank_ == 0; }
  /// Null where this process is alone.
  [[nodiscard]] engine::Communicator* communicator() const { return ranks_.get(); }
  [[nodiscard]] int size() const { return ranks_ == nullptr ? 1 : ranks_->size(); }
  void set_timeout(double seconds);
  /// Throws UsageError on rank 0 unless all ranks are the same program, started with the same arguments.
  void require_same_command();

  /// The device of this rank: of several on a machine each has a GPU of its own, unless `name`, the option that chose
  /// `device`, has a number.
  [[nodiscard]] kernels::Device own_device(const kernels::Device& device, const std::string& name) const;

  /// Sets the number of threads that compute, the same on every rank, and returns it. Without a number (0) it is that of
  /// all processors, with shards that of the machine for `shards` ranks on it: however many ranks there are, because
  /// results depend on the number of threads in the last bit.
  int set_threads(std::int64_t threads, std::int64_t shards);

  /// Threads for work whose result does not depend on their number: `workers`, or, where that is 0, this rank's part of its
  /// machine's processors (0 where this process is alone).
  [[nodiscard]] int own_workers(int workers) const;

  /// Throws UsageError on rank 0 that names the first fact in which another rank differs from it, with both values.
  void require_same(const std::vector<SharedFact>& facts);
  /// What `make` returns on rank 0, on every rank; the others do not call it.
  [[nodiscard]] std::string from_first(const std::function<std::string()>& make);

  /// The same for texts without a zero byte, and for numbers.
  [[nodiscard]] std::vector<std::string> texts_from_first(
      const std::function<std::vector<std::string>()>& make);
  [[nodiscard]] std::vector<std::int64_t> numbers_from_first(
      const std::function<std::vector<std::int64_t>()>& make);

  /// Does `work`; what it throws ends all ranks with one message, where there are several.
  int run(const std::function<int()>& work);
  /// The ranks are done with each other: the first goes on alone.
  void leave();

 private:
  std::unique_ptr<mpi::ProcessRanks> ranks_;
  int rank_ = 0;
};

/// What identifies this program: its version and a checksum of its file.
[[nodiscard]] std::string program_identity();

/// Throws UsageError unless the number of ranks divides that of shards.
void check_shards(std::int64_t shards, int ranks);

/// For commands that work in one process: throws UsageError on rank 0 where a launcher started several, and ends the
/// others without a word.
void require_one_process(const std::string& command);

}  // namespace xr::apps
