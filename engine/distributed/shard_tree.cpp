#include "engine/distributed/shard_tree.h"

#include <algorithm>

#include "kernels/common/parallel.h"

namespace xr::engine {

namespace {

void add_to(std::span<float> sum, std::span<const float> values) {
  kernels::parallel_ranges(static_cast<std::int64_t>(sum.size()), kernels::elementwise_grain,
                           [&](std::int64_t begin, std::int64_t end) {
                             for (std::int64_t i = begin; i < end; ++i)
                               sum[static_cast<std::size_t>(i)] += values[static_cast<std::size_t>(i)];
                           });
}

/// Whether two neighbouring nodes are the halves of one.
bool are_halves(const ShardNode& left, const ShardNode& right) {
  return left.level == right.level && left.index % 2 == 0 && right.index == left.index + 1;
}

/// The part of a vector of `width` that a rank adds.
Range part_of(std::size_t width, int rank, int ranks) {
  const auto count = static_cast<std::int64_t>(width);
  return {count * rank / ranks, count * (rank + 1) / ranks};
}

template <class Value>
std::span<Value> part(std::span<Value> values, const Range& range) {
  return values.subspan(static_cast<std::size_t>(range.begin), static_cast<std::size_t>(range.count()));
}

}  // namespace

std::vector<ShardNode> pieces_of(const Range& shards) {
  std::vector<ShardNode> nodes;
  for (std::int64_t shard = shards.begin; shard < shards.end; ++shard) {
    nodes.push_back({0, shard});
    while (nodes.size() > 1 && are_halves(nodes[nodes.size() - 2], nodes.back())) {
      nodes.pop_back();
      nodes.back() = {nodes.back().level + 1, nodes.back().index / 2};
    }
  }
  return nodes;
}

std::span<float> ShardSum::next() {
  if (values_.size() > nodes_.size()) return values_.back();
  if (free_.empty()) free_.emplace_back(width_);
  values_.push_back(std::move(free_.back()));
  free_.pop_back();
  return values_.back();
}

void ShardSum::add(const ShardNode& node) {
  XR_CHECK(values_.size() == nodes_.size() + 1,
           "no vector was filled for the next piece of a sum over shards");
  nodes_.push_back(node);
  while (nodes_.size() > 1 && are_halves(nodes_[nodes_.size() - 2], nodes_.back())) {
    add_last_two();
    nodes_.back() = {nodes_.back().level + 1, nodes_.back().index / 2};
  }
}

void ShardSum::add_last_two() {
  add_to(values_[values_.size() - 2], values_.back());
  free_.push_back(std::move(values_.back()));
  values_.pop_back();
  nodes_.pop_back();
}

std::span<float> ShardSum::finish() {
  XR_CHECK(!nodes_.empty() && values_.size() == nodes_.size(), "the sum over shards has no piece");
  while (nodes_.size() > 1) add_last_two();  // what has no neighbour went up as it was
  return values_.front();
}

void ShardSum::clear() {
  for (std::vector<float>& values : values_) free_.push_back(std::move(values));
  values_.clear();
  nodes_.clear();
}

void add_over_ranks(Communicator& communicator, std::int64_t shards, ShardSum& local,
                    std::span<float> result) {
  const int rank = communicator.rank(), ranks = communicator.size();
  XR_CHECK(local.nodes() == pieces_of(shards_of_rank(shards, rank, ranks)),
           "the sum of rank {} has not the shards of its part", rank);
  const Range mine = part_of(result.size(), rank, ranks);

  // The pieces of my part come here, those of the others' parts go there.
  std::vector<Outgoing> sent;
  std::vector<Incoming> received;
  std::vector<std::vector<std::vector<float>>> pieces(static_cast<std::size_t>(ranks));
  for (int step = 1; step < ranks; ++step) {
    const int to = (rank + step) % ranks, from = (rank - step + ranks) % ranks;
    for (std::size_t i = 0; i < local.nodes().size(); ++i)
      sent.push_back({to, std::as_bytes(part(local.piece(i), part_of(result.size(), to, ranks)))});
    std::vector<std::vector<float>>& of_rank = pieces[static_cast<std::size_t>(from)];
    of_rank.resize(pieces_of(shards_of_rank(shards, from, ranks)).size());
    for (std::vector<float>& piece : of_rank) {
      piece.resize(static_cast<std::size_t>(mine.count()));
      received.push_back({from, std::as_writable_bytes(std::span(piece))});
    }
  }
  communicator.exchange(sent, received);

  ShardSum sum(static_cast<std::size_t>(mine.count()));
  for (int from = 0; from < ranks; ++from) {
    const std::vector<ShardNode> nodes = pieces_of(shards_of_rank(shards, from, ranks));
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const std::span<const float> piece =
          from == rank ? part(local.piece(i), mine)
                       : std::span<const float>(pieces[static_cast<std::size_t>(from)][i]);
      std::ranges::copy(piece, sum.next().begin());
      sum.add(nodes[i]);
    }
  }
  const std::span<float> my_sum = part(result, mine);
  std::ranges::copy(sum.finish(), my_sum.begin());

  sent.clear();
  received.clear();
  for (int step = 1; step < ranks; ++step) {
    const int to = (rank + step) % ranks, from = (rank - step + ranks) % ranks;
    sent.push_back({to, std::as_bytes(my_sum)});
    received.push_back({from, std::as_writable_bytes(part(result, part_of(result.size(), from, ranks)))});
  }
  communicator.exchange(sent, received);
}

}  // namespace xr::engine
