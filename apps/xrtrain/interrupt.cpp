#include "apps/xrtrain/interrupt.h"

#include <atomic>
#include <csignal>

namespace xr::apps {

namespace {

std::atomic<bool> received{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void remember(int) {
  received = true;
  (void)std::signal(SIGINT, SIG_DFL);
  (void)std::signal(SIGTERM, SIG_DFL);
}

}  // namespace

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = remember;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  (void)sigaction(SIGINT, &action, nullptr);
  (void)sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() {
  return received;
}

}  // namespace xr::apps
