// Ranks that are processes, on one machine or several: a Communicator over MPI.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>

#include "engine/distributed/communicator.h"

namespace xr::mpi {

/// What other programs' builds need for MPI.
inline constexpr const char* package = "libopenmpi-dev";

/// "Open MPI v4.1.4", "MPICH 4.0.2", or empty where this build has none.
[[nodiscard]] std::string library();
/// The program that starts ranks of this library, "/usr/bin/mpiexec", as CMake found it; empty where this build has none.
[[nodiscard]] std::string launcher();

/// What rank 0's operations throw when another rank has failed: its message, and its exit status.
class RankFailure : public Error {
 public:
  RankFailure(const std::string& message, int status)
      : Error(engine::rank_failed, message), status_(status) {}
  [[nodiscard]] int status() const { return status_; }

 private:
  int status_;
};

/// While a rank waits it looks for failures of others, and sleeps in between.
class ProcessRanks : public engine::Communicator {
 public:
  /// This rank cannot go on. One line is printed to standard error, by rank 0 where it still answers, and all ranks end
  /// with `status`.
  [[noreturn]] virtual void fail(const std::string& line, int status) = 0;
  /// The ranks are done with each other; afterwards each is a process of its own. No operation may follow.
  virtual void leave() = 0;
  /// The sum over all ranks in the order of MPI's library (MPI_Allreduce), without a deadline: to compare with.
  virtual void library_sum(std::span<float> values) = 0;

 protected:
  using Communicator::Communicator;
};

/// Joins the ranks that the launcher started. Once a process. Throws Error where this build has no MPI, or another one
/// than the launcher's.
[[nodiscard]] std::unique_ptr<ProcessRanks> join_ranks(std::chrono::milliseconds deadline);

}  // namespace xr::mpi
