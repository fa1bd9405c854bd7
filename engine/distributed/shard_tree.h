// The sum over shards, in one order: a binary tree over their numbers.
//
//     level 3            0+...+5             Neighbours first: node i of a level is the sum of nodes 2i and 2i + 1 of the
//                       /       \            level below; a node without a neighbour goes up as it is. The tree is a
//     level 2       0123         45          function of the number of shards alone. A rank adds the nodes that lie
//                  /    \        |           whole in its shards (its pieces: one, where it has 2^k shards from a
//     level 1    01      23      45          multiple of 2^k on), and the ranks add the pieces.
//               /  \    /  \    /  \         .
//     shards   0    1  2    3  4    5        .
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/core/tensor.h"
#include "engine/distributed/communicator.h"
#include "engine/distributed/device_exchange.h"
#include "engine/distributed/shards.h"

namespace xr::engine {

/// A node of the tree: the sum of the shards from index * 2^level on.
struct ShardNode {
  int level = 0;
  std::int64_t index = 0;
  friend bool operator==(const ShardNode&, const ShardNode&) = default;
};

/// The pieces of neighbouring shards, in order.
[[nodiscard]] std::vector<ShardNode> pieces_of(const Range& shards);

/// Adds vectors of `width` floats, one a shard, as they come: never more of them in memory than the tree is high. They lie
/// in the memory of `device`, and so do the spans; on a GPU everything is queued behind its other work.
class ShardSum {
 public:
  explicit ShardSum(std::size_t width, const kernels::Device& device = {}) : width_(width), device_(device) {}

  /// A vector to be filled for the next piece, contents unspecified.
  [[nodiscard]] std::span<float> next();
  /// Adds it, as this node. Pieces come in the order of their shards.
  void add(const ShardNode& node);
  void add_shard(std::int64_t shard) { add({0, shard}); }

  /// The pieces so far, in order.
  [[nodiscard]] const std::vector<ShardNode>& nodes() const { return nodes_; }
  [[nodiscard]] std::span<float> piece(std::size_t i) { return floats(values_[i]); }

  /// Adds all that is left, from the right: the sum of all shards. At least one was added.
  [[nodiscard]] std::span<float> finish();
  /// Forgets the sum, and keeps the memory.
  void clear();

 private:
  void add_last_two();

  [[nodiscard]] std::span<float> floats(Tensor& values) const {
    return {values.mutable_view().as<float>(), width_};
  }

  std::size_t width_;
  kernels::Device device_;
  std::vector<ShardNode> nodes_;
  std::vector<Tensor> values_, free_;  // values_: of nodes_, then perhaps the next
};

/// The sum over all shards on every rank.
class RankSum {
 public:
  /// `exchange`: for sums in the memory of its device; null: in the host's, through the communicator. It outlives this.
  explicit RankSum(DeviceExchange* exchange = nullptr) : exchange_(exchange) {}

  /// `local` has the shards of this rank (shards_of_rank), `result` becomes the same bytes for every number of ranks.
  /// Each rank gathers the pieces of its part of the vector, adds them in the tree's order and sends the sum to all:
  /// with one piece a rank 2 (ranks - 1) / ranks times the vector is sent and received. `local` is spent: it can only be
  /// cleared.
  void add(Communicator& communicator, std::int64_t shards, ShardSum& local, std::span<float> result);

 private:
  struct Operand {
    ShardNode node;
    std::span<float> values;
  };
  void add_last_two(std::vector<Operand>& operands, std::size_t left_to_come, std::span<float> result) const;
  void add_pieces(const std::vector<Operand>& pieces, std::span<float> result) const;
  void send(Communicator& communicator, const std::vector<Outgoing>& sent,
            const std::vector<Incoming>& received) const;

  DeviceExchange* exchange_;
  Tensor received_;  // memory, kept for the next one
};

}  // namespace xr::engine
