// Communicator: what the ranks of one training send each other. Ranks are threads of this process (make_local_ranks, for
// tests) or processes on any number of machines (an implementation over MPI, of the program).
//
// An implementation has one operation, transfer(): messages to and from other ranks. Everything else is made of it in
// communicator.cpp, so that the order of a sum is this project's on every transport (shard_tree.h).
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kernels/common/error.h"

namespace xr::engine {

/// A rank did not answer within the deadline.
inline constexpr ErrorCode rank_silent{"rank-silent"};
/// Another rank failed; the message is that rank's.
inline constexpr ErrorCode rank_failed{"rank-failed"};
/// This rank has called interrupt().
inline constexpr ErrorCode ranks_interrupted{"ranks-interrupted"};

/// A message to a rank. The bytes stay unchanged until exchange() returns.
struct Outgoing {
  int rank = 0;
  std::span<const std::byte> bytes;
};

/// A message from a rank, which sends exactly as many bytes.
struct Incoming {
  int rank = 0;
  std::span<std::byte> bytes;
};

/// One a rank, used by one thread at a time. All ranks call the same operations in the same order. Each throws Error (rank_silent)
/// that names a missing rank if it is not done within the deadline, and Error (rank_failed) if another rank failed.
/// After an error nothing more can be said.
class Communicator {
 public:
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;
  virtual ~Communicator() = default;

  [[nodiscard]] int rank() const { return rank_; }
  [[nodiscard]] int size() const { return static_cast<int>(hosts_.size()); }
  /// Name of the machine that a rank runs on.
  [[nodiscard]] const std::string& host(int rank) const { return hosts_[static_cast<std::size_t>(rank)]; }
  /// Place of this rank among those of its machine, from 0: which of the machine's devices is its own.
  [[nodiscard]] int local_rank() const;
  /// Ranks of this rank's machine.
  [[nodiscard]] int local_size() const;
  /// "rank 1 on host node7"
  [[nodiscard]] std::string describe(int rank) const;

  /// How long an operation may wait for another rank.
  void set_deadline(std::chrono::milliseconds deadline) { deadline_ = deadline; }
  [[nodiscard]] std::chrono::milliseconds deadline() const { return deadline_; }

  /// Sends and receives all of these. Messages between two ranks arrive in the order of their calls. None is for or from
  /// this rank itself.
  void exchange(std::span<const Outgoing> sent, std::span<const Incoming> received);
  /// Bytes that this rank has sent to others.
  [[nodiscard]] std::uint64_t sent_bytes() const { return sent_bytes_; }
  /// Ends the operation of another thread, and every later one, with Error (ranks_interrupted).
  virtual void interrupt() { is_interrupted_ = true; }

  /// Returns when every rank has called it.
  void barrier();
  /// `bytes` of `root` become those of every rank; their number is the same everywhere.
  void broadcast(std::span<std::byte> bytes, int root = 0);
  /// `all` becomes the bytes of rank 0, of rank 1, ...: size() times as many as `mine`.
  void all_gather(std::span<const std::byte> mine, std::span<std::byte> all);
  /// The bytes of rank 0, of rank 1, ..., where each may have another number of them.
  [[nodiscard]] std::vector<std::vector<std::byte>> all_gather_parts(std::span<const std::byte> mine);
  /// The same for `root` alone; the others get no bytes.
  [[nodiscard]] std::vector<std::vector<std::byte>> gather_parts(std::span<const std::byte> mine,
                                                                 int root = 0);
  /// all_gather() and broadcast() of texts of any length.
  [[nodiscard]] std::string broadcast_text(const std::string& text, int root = 0);
  [[nodiscard]] std::vector<std::string> all_gather_text(const std::string& text);

 protected:
  Communicator(int rank, std::vector<std::string> hosts) : rank_(rank), hosts_(std::move(hosts)) {}
  /// exchange(), of an implementation.
  virtual void transfer(std::span<const Outgoing> sent, std::span<const Incoming> received) = 0;
  [[nodiscard]] bool is_interrupted() const { return is_interrupted_; }
  [[nodiscard]] static Error interrupted();
  /// Of what exchange() throws when `rank` is missing.
  [[nodiscard]] Error silent(int rank) const;
  /// For an implementation that learns them later.
  void set_hosts(std::vector<std::string> hosts) { hosts_ = std::move(hosts); }

 private:
  /// The parts, for all ranks or, with a number, for that one.
  [[nodiscard]] std::vector<std::vector<std::byte>> gather_for(std::optional<int> root,
                                                               std::span<const std::byte> mine);

  int rank_;
  std::vector<std::string> hosts_;
  std::chrono::milliseconds deadline_{600'000};
  std::atomic<std::uint64_t> sent_bytes_{0};
  std::atomic<bool> is_interrupted_{false};
};

/// Communicators of `count` ranks for as many threads of this process. One that is destroyed without having finished its
/// part is a rank that died: the others run into their deadline.
[[nodiscard]] std::vector<std::unique_ptr<Communicator>> make_local_ranks(int count);

}  // namespace xr::engine
