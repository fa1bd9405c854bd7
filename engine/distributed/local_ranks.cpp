// Ranks that are threads of one process.
#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>

#include "engine/distributed/communicator.h"

namespace xr::engine {

namespace {

/// Messages on their way, by sender and receiver.
struct Mailboxes {
  std::mutex mutex;
  std::condition_variable arrived;
  std::map<std::pair<int, int>, std::deque<std::vector<std::byte>>> waiting;
};

class LocalRank final : public Communicator {
 public:
  LocalRank(int rank, std::vector<std::string> hosts, std::shared_ptr<Mailboxes> mailboxes)
      : Communicator(rank, std::move(hosts)), mailboxes_(std::move(mailboxes)) {}

  void interrupt() override {
    const std::lock_guard lock(mailboxes_->mutex);
    Communicator::interrupt();
    mailboxes_->arrived.notify_all();
  }

 private:
  void transfer(std::span<const Outgoing> sent, std::span<const Incoming> received) override {
    const auto until = std::chrono::steady_clock::now() + deadline();
    std::unique_lock lock(mailboxes_->mutex);
    for (const Outgoing& message : sent)
      mailboxes_->waiting[{rank(), message.rank}].emplace_back(message.bytes.begin(), message.bytes.end());
    mailboxes_->arrived.notify_all();
    for (const Incoming& message : received) {
      std::deque<std::vector<std::byte>>& box = mailboxes_->waiting[{message.rank, rank()}];
      if (!mailboxes_->arrived.wait_until(lock, until, [&] { return !box.empty() || is_interrupted(); }))
        throw silent(message.rank);
      if (box.empty()) throw interrupted();
      const std::vector<std::byte> bytes = std::move(box.front());
      box.pop_front();
      XR_CHECK(bytes.size() == message.bytes.size(), "{} sent {} bytes to {}, which waits for {}",
               describe(message.rank), bytes.size(), describe(rank()), message.bytes.size());
      std::ranges::copy(bytes, message.bytes.begin());
    }
  }

  std::shared_ptr<Mailboxes> mailboxes_;
};

}  // namespace

std::vector<std::unique_ptr<Communicator>> make_local_ranks(int count) {
  XR_CHECK(count >= 1, "the number of ranks is {}: it must be at least 1", count);
  const auto mailboxes = std::make_shared<Mailboxes>();
  std::vector<std::unique_ptr<Communicator>> result;
  for (int rank = 0; rank < count; ++rank)
    result.push_back(std::make_unique<LocalRank>(
        rank, std::vector<std::string>(static_cast<std::size_t>(count), "localhost"), mailboxes));
  return result;
}

}  // namespace xr::engine
