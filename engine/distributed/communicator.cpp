#include "engine/distributed/communicator.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace xr::engine {

int Communicator::local_rank() const {
  return static_cast<int>(std::count(hosts_.begin(), hosts_.begin() + rank_, host(rank_)));
}

int Communicator::local_size() const {
  return static_cast<int>(std::ranges::count(hosts_, host(rank_)));
}

std::string Communicator::describe(int rank) const {
  return fmt::format("rank {} on host {}", rank, host(rank));
}

Error Communicator::silent(int rank) const {
  return Error(rank_silent, fmt::format("{} did not answer {} within {:g} s", describe(rank), describe(rank_),
                                        std::chrono::duration<double>(deadline_).count()));
}

Error Communicator::interrupted() {
  return Error(ranks_interrupted, "the exchange with other ranks was interrupted");
}

void Communicator::exchange(std::span<const Outgoing> sent, std::span<const Incoming> received) {
  if (is_interrupted()) throw interrupted();
  for (const Outgoing& message : sent) sent_bytes_ += message.bytes.size();
  transfer(sent, received);
}

// Everyone to rank 0, and back.
void Communicator::barrier() {
  std::byte token{};
  std::vector<std::byte> tokens(hosts_.size());
  if (rank_ != 0) {
    exchange(std::vector<Outgoing>{{0, {&token, 1}}}, {});
    return broadcast({&token, 1});
  }
  std::vector<Incoming> from;
  for (int rank = 1; rank < size(); ++rank)
    from.push_back({rank, std::span(tokens).subspan(static_cast<std::size_t>(rank), 1)});
  exchange({}, from);
  broadcast({&token, 1});
}

// A binomial tree: in round k the first 2^k ranks, counted from root, send to the next 2^k.
void Communicator::broadcast(std::span<std::byte> bytes, int root) {
  const int count = size(), place = (rank_ - root + count) % count;
  for (int known = 1; known < count; known *= 2) {
    if (place < known && place + known < count)
      exchange(std::vector<Outgoing>{{(rank_ + known) % count, bytes}}, {});
    else if (place >= known && place < 2 * known)
      exchange({}, std::vector<Incoming>{{(rank_ - known + count) % count, bytes}});
  }
}

void Communicator::all_gather(std::span<const std::byte> mine, std::span<std::byte> all) {
  XR_CHECK(all.size() == mine.size() * hosts_.size(),
           "all_gather: {} bytes are not those of {} ranks with {}", all.size(), size(), mine.size());
  std::vector<Outgoing> sent;
  std::vector<Incoming> received;
  for (int step = 1; step < size(); ++step) {  // not all to rank 0 first
    const int to = (rank_ + step) % size(), from = (rank_ - step + size()) % size();
    sent.push_back({to, mine});
    received.push_back({from, all.subspan(static_cast<std::size_t>(from) * mine.size(), mine.size())});
  }
  exchange(sent, received);
  std::ranges::copy(mine,
                    all.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(rank_) * mine.size()));
}

std::vector<std::vector<std::byte>> Communicator::gather_for(std::optional<int> root,
                                                             std::span<const std::byte> mine) {
  const std::uint64_t length = mine.size();
  std::vector<std::uint64_t> lengths(hosts_.size());
  all_gather(std::as_bytes(std::span(&length, 1)), std::as_writable_bytes(std::span(lengths)));
  const auto wants = [&](int rank) { return !root || *root == rank; };
  std::vector<std::vector<std::byte>> parts(hosts_.size());
  std::vector<Outgoing> sent;
  std::vector<Incoming> received;
  for (int step = 1; step < size(); ++step) {  // as all_gather()
    const int to = (rank_ + step) % size(), from = (rank_ - step + size()) % size();
    if (wants(to) && !mine.empty()) sent.push_back({to, mine});
    if (!wants(rank_)) continue;
    std::vector<std::byte>& part = parts[static_cast<std::size_t>(from)];
    part.resize(lengths[static_cast<std::size_t>(from)]);
    if (!part.empty()) received.push_back({from, part});
  }
  exchange(sent, received);
  if (wants(rank_)) parts[static_cast<std::size_t>(rank_)].assign(mine.begin(), mine.end());
  return parts;
}

std::vector<std::vector<std::byte>> Communicator::all_gather_parts(std::span<const std::byte> mine) {
  return gather_for(std::nullopt, mine);
}

std::vector<std::vector<std::byte>> Communicator::gather_parts(std::span<const std::byte> mine, int root) {
  return gather_for(root, mine);
}

std::string Communicator::broadcast_text(const std::string& text, int root) {
  std::uint64_t length = text.size();
  broadcast(std::as_writable_bytes(std::span(&length, 1)), root);
  std::string result = rank_ == root ? text : std::string(length, '\0');
  broadcast(std::as_writable_bytes(std::span(result)), root);
  return result;
}

std::vector<std::string> Communicator::all_gather_text(const std::string& text) {
  std::vector<std::string> result;
  for (int rank = 0; rank < size(); ++rank) result.push_back(broadcast_text(rank == rank_ ? text : "", rank));
  return result;
}

}  // namespace xr::engine
