// The ranks that train together: this process alone, or those that mpirun started.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "apps/mpi/process_ranks.h"

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

  /// Sets the number of threads that compute, the same on every rank, and returns it. Without a number (0) it is that of
  /// all processors, with shards that of the machine for `shards` ranks on it: however many ranks there are, because
  /// results depend on the number of threads in the last bit.
  int set_threads(std::int64_t threads, std::int64_t shards);

  /// Throws UsageError on rank 0 that names the first fact in which another rank differs from it, with both values.
  void require_same(const std::vector<SharedFact>& facts);
  /// What `make` returns on rank 0, on every rank; the others do not call it.
  [[nodiscard]] std::string from_first(const std::function<std::string()>& make);

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
