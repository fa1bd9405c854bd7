#include "engine/distributed/shard_tree.h"

#include <algorithm>
#include <functional>

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

/// left += right, in the memory of a device.
void add_on(const kernels::Device& device, std::span<float> left, std::span<const float> right) {
  kernels::View sum;
  sum.data = left.data();
  sum.shape = {static_cast<std::int64_t>(left.size())};
  kernels::backend(device).run(kernels::Scale{
      .x = {right.data(), sum.shape}, .y = sum, .factor = 1.0f, .write = kernels::GradientWrite::accumulate});
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
  if (values_.size() == nodes_.size()) {
    if (free_.empty())
      free_.push_back(
          Tensor::empty({static_cast<std::int64_t>(width_)}, {DType::f32, device_, Layout::contiguous}));
    values_.push_back(std::move(free_.back()));
    free_.pop_back();
  }
  return floats(values_.back());
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
  const std::span<float> left = floats(values_[values_.size() - 2]), right = floats(values_.back());
  if (device_.type == kernels::DeviceType::cpu)
    add_to(left, right);
  else
    add_on(device_, left, right);
  free_.push_back(std::move(values_.back()));
  values_.pop_back();
  nodes_.pop_back();
}

std::span<float> ShardSum::finish() {
  XR_CHECK(!nodes_.empty() && values_.size() == nodes_.size(), "the sum over shards has no piece");
  while (nodes_.size() > 1) add_last_two();  // what has no neighbour went up as it was
  return floats(values_.front());
}

void ShardSum::clear() {
  for (Tensor& values : values_) free_.push_back(std::move(values));
  values_.clear();
  nodes_.clear();
}

/// Adds the last two, in the memory of the left one, or in `result` where nothing is left to add.
void RankSum::add_last_two(std::vector<Operand>& operands, std::size_t left_to_come,
                           std::span<float> result) const {
  const Operand right = operands.back();
  operands.pop_back();
  Operand& left = operands.back();
  std::span<float> sum = left.values;
  if (exchange_ != nullptr) {
    add_on(exchange_->device(), left.values, right.values);
  } else {
    if (operands.size() == 1 && left_to_come == 0) sum = result;
    std::transform(left.values.begin(), left.values.end(), right.values.begin(), sum.begin(), std::plus<>());
  }
  left = {{left.node.level + 1, left.node.index / 2}, sum};
}

/// The sum of all pieces of the tree, in its order. Their memory is written to.
void RankSum::add_pieces(const std::vector<Operand>& pieces, std::span<float> result) const {
  std::vector<Operand> operands;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    operands.push_back(pieces[i]);
    while (operands.size() > 1 && are_halves(operands[operands.size() - 2].node, operands.back().node))
      add_last_two(operands, pieces.size() - i - 1, result);
  }
  while (operands.size() > 1) add_last_two(operands, 0, result);
  const std::span<const float> sum = operands.front().values;
  if (sum.data() == result.data()) return;
  const kernels::Device device = exchange_ == nullptr ? kernels::Device{} : exchange_->device();
  kernels::backend(device).copy(result.data(), sum.data(), sum.size_bytes());
}

void RankSum::send(Communicator& communicator, const std::vector<Outgoing>& sent,
                   const std::vector<Incoming>& received) const {
  if (exchange_ == nullptr)
    communicator.exchange(sent, received);
  else
    exchange_->exchange(sent, received);
}

void RankSum::add(Communicator& communicator, std::int64_t shards, ShardSum& local, std::span<float> result) {
  const int rank = communicator.rank(), ranks = communicator.size();
  XR_CHECK(local.nodes() == pieces_of(shards_of_rank(shards, rank, ranks)),
           "the sum of rank {} has not the shards of its part", rank);
  const Range mine = part_of(result.size(), rank, ranks);

  // The pieces of my part come here, those of the others' parts go there.
  const auto pieces_of_rank = [&](int of) { return pieces_of(shards_of_rank(shards, of, ranks)); };
  std::size_t others = 0;
  for (int other = 0; other < ranks; ++other) others += other == rank ? 0 : pieces_of_rank(other).size();
  const auto width = static_cast<std::size_t>(mine.count());
  const auto needed = static_cast<std::int64_t>(std::max<std::size_t>(1, others * width));
  if (!received_.defined() || received_.numel() < needed)
    received_ = Tensor::empty(
        {needed},
        {DType::f32, exchange_ == nullptr ? kernels::Device{} : exchange_->device(), Layout::contiguous});
  const std::span<float> memory(received_.mutable_view().as<float>(), others * width);
  std::vector<Operand> operands;
  std::vector<Outgoing> sent;
  std::vector<Incoming> received;
  std::size_t place = 0;
  for (int from = 0; from < ranks; ++from) {
    std::size_t i = 0;
    for (const ShardNode& node : pieces_of_rank(from)) {
      if (from == rank) {
        operands.push_back({node, part(local.piece(i++), mine)});
        continue;
      }
      operands.push_back({node, memory.subspan(width * place++, width)});
      received.push_back({from, std::as_writable_bytes(operands.back().values)});
    }
  }
  for (int step = 1; step < ranks; ++step) {  // not all to rank 0 first
    const int to = (rank + step) % ranks;
    for (std::size_t i = 0; i < local.nodes().size(); ++i)
      sent.push_back({to, std::as_bytes(part(local.piece(i), part_of(result.size(), to, ranks)))});
  }
  send(communicator, sent, received);

  const std::span<float> my_sum = part(result, mine);
  add_pieces(operands, my_sum);

  sent.clear();
  received.clear();
  for (int step = 1; step < ranks; ++step) {
    const int to = (rank + step) % ranks, from = (rank - step + ranks) % ranks;
    sent.push_back({to, std::as_bytes(my_sum)});
    received.push_back({from, std::as_writable_bytes(part(result, part_of(result.size(), from, ranks)))});
  }
  send(communicator, sent, received);
}

}  // namespace xr::engine
