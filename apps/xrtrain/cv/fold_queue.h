// The folds that wait to be trained, dealt out to ranks that train some at a time.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "apps/xrtrain/cv/child_process.h"
#include "engine/distributed/communicator.h"

namespace xr::apps {

/// What a rank says of itself in every round.
struct FoldReport {
  std::size_t free = 0;            ///< folds that it can begin
  std::vector<std::size_t> ended;  ///< folds that are trained since the round before
  bool interrupted = false;

  [[nodiscard]] std::string text() const;
  [[nodiscard]] static FoldReport of_text(const std::string& text);
};

/// The next folds of each rank: one after another goes to the ranks in turn, beginning with the first, as long as one of
/// them has room. Takes them out of `waiting`.
[[nodiscard]] std::vector<std::vector<std::size_t>> deal_out(std::vector<std::size_t>& waiting,
                                                             const std::vector<FoldReport>& reports);

/// How a rank trains folds.
struct FoldWork {
  std::size_t jobs = 1;                                  ///< at a time
  std::function<ChildProcess(std::size_t fold)> start;   ///< begins to train a fold
  std::function<void(const EndedChild& child)> require;  ///< throws the Error of a child that failed
  std::function<void(std::size_t fold)> accept;          ///< on rank 0, of every fold that is trained
};

/// Trains the folds `waiting`, the same on every rank, in processes of the ranks. In rounds, some each second, the ranks
/// say what is done and get new folds, so that a rank that dies is missed within the deadline. Returns false if rank 0 was
/// interrupted; the processes have ended then.
[[nodiscard]] bool train_on_ranks(engine::Communicator& ranks, std::vector<std::size_t> waiting,
                                  const FoldWork& work);

}  // namespace xr::apps
