#include "apps/xrtrain/cv/fold_queue.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <sstream>
#include <thread>

#include <fmt/format.h>

#include "apps/xrtrain/interrupt.h"

namespace xr::apps {

namespace {

constexpr std::chrono::milliseconds round_length{200};

/// Folds of this rank that end within a round, at most.
std::vector<std::size_t> wait_a_round(std::vector<ChildProcess>& children, const FoldWork& work) {
  const auto until = std::chrono::steady_clock::now() + round_length;
  std::vector<std::size_t> ended;
  do {
    while (const std::optional<EndedChild> child = take_ended_child(children)) {
      work.require(*child);
      ended.push_back(child->task);
    }
    if (!ended.empty()) return ended;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  } while (std::chrono::steady_clock::now() < until);
  return ended;
}

}  // namespace

std::string FoldReport::text() const {
  return fmt::format("{} {} {}", free, interrupted ? 1 : 0, fmt::join(ended, " "));
}

FoldReport FoldReport::of_text(const std::string& text) {
  FoldReport report;
  std::istringstream words(text);
  words >> report.free >> report.interrupted;
  report.ended.assign(std::istream_iterator<std::size_t>(words), {});
  return report;
}

std::vector<std::vector<std::size_t>> deal_out(std::vector<std::size_t>& waiting,
                                               const std::vector<FoldReport>& reports) {
  std::vector<std::vector<std::size_t>> result(reports.size());
  const auto has_room = [&](std::size_t rank) { return result[rank].size() < reports[rank].free; };
  std::size_t next = 0;
  for (bool some = true; some;) {
    some = false;
    for (std::size_t rank = 0; rank < reports.size() && next < waiting.size(); ++rank) {
      if (!has_room(rank)) continue;
      result[rank].push_back(waiting[next++]);
      some = true;
    }
  }
  waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(next));
  return result;
}

bool train_on_ranks(engine::Communicator& ranks, std::vector<std::size_t> waiting, const FoldWork& work) {
  const std::size_t count = waiting.size();
  std::size_t done = 0;
  std::vector<ChildProcess> children;
  try {
    for (std::vector<std::size_t> ended;;) {
      const FoldReport own{work.jobs - children.size(), ended, ranks.rank() == 0 && interrupted()};
      std::vector<FoldReport> reports;
      for (const std::string& text : ranks.all_gather_text(own.text()))
        reports.push_back(FoldReport::of_text(text));
      for (const FoldReport& report : reports) {
        done += report.ended.size();
        for (const std::size_t fold : report.ended)
          if (ranks.rank() == 0) work.accept(fold);
      }
      if (reports.front().interrupted || done == count) break;
      const auto dealt = deal_out(waiting, reports);
      for (const std::size_t fold : dealt[static_cast<std::size_t>(ranks.rank())])
        children.push_back(work.start(fold));
      ended = wait_a_round(children, work);
    }
  } catch (...) {
    end_children(children);
    throw;
  }
  end_children(children);  // none, unless interrupted
  ranks.barrier();
  return done == count;
}

}  // namespace xr::apps
