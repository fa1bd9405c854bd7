// Where threads wait for each other, and what is reported when they wait for ever.
#include <algorithm>
#include <cstring>

#include "kernels/common/error.h"
#include "kernels/simt/program_image.h"
#include "kernels/simt/scheduler.h"

namespace xr::kernels::simt::detail {

namespace {

bool same(const char* a, const char* b) {
  return a == b || std::strcmp(a, b) == 0;
}
bool same_operation(const Site& a, const Site& b) {
  return same(a.operation, b.operation);
}
bool same_place(const Site& a, const Site& b) {
  return a.line == b.line && same_operation(a, b) && same(a.file, b.file);
}

std::string text(const Site& site) {
  return fmt::format("{}:{}: {}", site.file, site.line, site.operation);
}
std::string text(const uint3& index) {
  return fmt::format("({},{},{})", index.x, index.y, index.z);
}

}  // namespace

void Executor::fail(const Site& site, const std::string& what) const {
  if (current_ == nullptr)
    throw Error(fmt::format("simt: {} is for kernels, but was called outside of a launch", text(site)));
  throw Error(fmt::format("simt: {} in {}: {}", text(site), where(), what));
}

std::string Executor::where() const {
  const std::string kernel = function_name(body_.kernel);
  if (current_ == nullptr) return fmt::format("{}, block {}", kernel, text(block_index));
  return fmt::format("{}, thread {} of block {}", kernel, text(current_->index), text(block_index));
}

std::string Executor::deadlock() const {
  struct Group {
    const Thread* first;
    int threads;
  };
  std::vector<Group> groups;
  for (const Thread& t : threads_) {
    if (t.state != State::at_barrier && t.state != State::in_meeting) continue;
    const auto known = std::find_if(groups.begin(), groups.end(), [&](const Group& g) {
      return g.first->state == t.state && g.first->mask == t.mask && same_place(g.first->site, t.site);
    });
    if (known != groups.end())
      ++known->threads;
    else
      groups.push_back({&t, 1});
  }
  std::string message =
      fmt::format("simt: deadlock in {}, block {}:", function_name(body_.kernel), text(block_index));
  constexpr std::size_t listed = 6;
  for (std::size_t i = 0; i < std::min(groups.size(), listed); ++i) {
    const Thread& t = *groups[i].first;
    message += fmt::format("{} {} threads, the first is {}, wait at {}", i > 0 ? ";" : "", groups[i].threads,
                           text(t.index), text(t.site));
    if (t.state == State::in_meeting) message += fmt::format(" for lanes {:#010x}", t.mask);
  }
  if (groups.size() > listed) message += fmt::format("; and {} more groups", groups.size() - listed);
  return message;
}

// Threads that wait will be resumed to unwind their stacks; those that have not begun never will.
void Executor::abort_block(std::string message) {
  if (error_.empty()) error_ = std::move(message);
  at_barrier_ = 0;
  for (Thread& t : threads_) {
    if (&t == current_ || t.state == State::done) continue;
    if (t.fiber != nullptr) {
      make_ready(t);
    } else {
      queue_.remove(t.rank);
      t.state = State::done;
      --live_;
    }
  }
}

void Executor::open_barrier() {
  barrier_result_ = {static_cast<int>(barrier_nonzero_), static_cast<int>(at_barrier_)};
  at_barrier_ = barrier_nonzero_ = 0;
  ++barriers_;
  queue_.begin_phase();
  for (Thread& t : threads_)
    if (t.state == State::at_barrier) make_ready(t);
}

BarrierResult Executor::barrier(int predicate, const Site& site) {
  const IgnoreMemoryAccesses ignore;
  if (current_ == nullptr) fail(site, "");
  if (at_barrier_ == 0)
    barrier_site_ = site;
  else if (!same_place(site, barrier_site_))
    fail(site, fmt::format("divergent barrier: {} threads of the block wait at {}", at_barrier_,
                           text(barrier_site_)));
  current_->site = site;
  current_->mask = 0;
  current_->state = State::at_barrier;
  barrier_nonzero_ += static_cast<unsigned>(predicate != 0);
  char* sync = &barrier_sync_[barriers_ % 2];  // the next barrier may fill before all have left this one
  release_memory(sync);
  if (++at_barrier_ == live_) open_barrier();
  park();
  acquire_memory(sync);
  return barrier_result_;
}

// All lanes of the meeting are here: true if each of them waits for the same lanes. A lane may have come here
// while another of its mask still waits elsewhere, for lanes that do not include this one.
bool Executor::agree(unsigned mask, unsigned others, const Meeting& meeting, const Site& site) const {
  const unsigned lane = current_->rank % 32;
  const Thread* lanes = current_ - lane;
  bool same_mask = true;
  for_each_lane(others, [&](int other) {
    const Thread& t = lanes[other];
    if (t.mask != mask) {
      if ((t.mask >> lane & 1) != 0)
        fail(site, fmt::format("its mask is {:#010x}, but lane {} waits for it with the mask {:#010x} at {}",
                               mask, other, t.mask, text(t.site)));
      same_mask = false;
    } else if (!same_operation(t.site, site) || (meeting.aligned && !same_place(t.site, site))) {
      fail(site, fmt::format("lanes of one mask in different operations: lane {} waits at {}", other,
                             text(t.site)));
    }
  });
  return same_mask;
}

void Executor::complete_meeting(unsigned lanes, const Meeting& meeting, const Site& site) {
  Thread* first = current_ - current_->rank % 32;
  const void* in[32] = {};
  void* out[32] = {};
  for_each_lane(lanes, [&](int lane) {
    in[lane] = first[lane].in;
    out[lane] = first[lane].out;
  });
  meeting.combine(lanes, in, out, site);
  Warp& warp = warps_[current_->rank / 32];
  for_each_lane(lanes & warp.waiting, [&](int lane) { make_ready(first[lane]); });
  warp.waiting &= ~lanes;
}

// The object by which ThreadSanitizer knows the order of this meeting's lanes: one of its own, since a lane
// may be far ahead when another leaves.
char* Executor::sync_object(Warp& warp, unsigned mask, unsigned others) {
  unsigned meeting = remembered_meetings;
  for_each_lane(others, [&](int other) {
    const Thread& t = current_[other - static_cast<int>(current_->rank % 32)];
    if (t.mask == mask) meeting = t.meeting;
  });
  current_->meeting = meeting != remembered_meetings ? meeting : ++warp.meetings % remembered_meetings;
  return &warp.sync[current_->meeting];
}

void Executor::meet(unsigned mask, const void* in, void* out, const Meeting& meeting, const Site& site) {
  const IgnoreMemoryAccesses ignore;
  if (current_ == nullptr) fail(site, "");
  Thread& me = *current_;
  const unsigned own = 1U << me.rank % 32;
  Warp& warp = warps_[me.rank / 32];
  const unsigned lanes = mask & warp.live, others = lanes & warp.waiting;
  if ((mask & own) == 0)
    fail(site, fmt::format("lane {} is not in its own mask {:#010x}", me.rank % 32, mask));
  if (meeting.aligned && lanes != ~0U)
    fail(site, fmt::format("all 32 lanes of the warp must take part, {:#010x} do", lanes));
  me.site = site;
  me.mask = mask;
  me.in = in;
  me.out = out;
  [[maybe_unused]] char* sync = nullptr;
#if defined(XR_SIMT_TSAN)
  if (meeting.orders_memory) {
    sync = sync_object(warp, mask, others);
    release_memory(sync);
  }
#endif
  if ((others | own) == lanes && agree(mask, others, meeting, site)) {
    complete_meeting(lanes, meeting, site);
  } else {
    warp.waiting |= own;
    me.state = State::in_meeting;
    park();
  }
#if defined(XR_SIMT_TSAN)
  if (meeting.orders_memory) acquire_memory(sync);
#endif
}

}  // namespace xr::kernels::simt::detail
