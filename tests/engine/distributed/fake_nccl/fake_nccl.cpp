// A library with the functions of NCCL that the engine uses, for ranks that are threads of one process and "devices"
// whose memory is the host's. Built as a file of its own, which the test opens as it would open NCCL. Its functions have
// the engine's types: UBSan compares them with those of the pointers.
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <tuple>
#include <vector>

#include "engine/distributed/nccl_library.h"

struct xr::engine::nccl::OpaqueComm {
  int id, ranks, rank;
};

namespace {

using xr::engine::nccl::UniqueId;
using Comm = xr::engine::nccl::OpaqueComm;

constexpr int success = 0, invalid_argument = 4, invalid_usage = 5;
constexpr int most_ranks = 4;

struct Operation {
  bool is_send;
  void* buffer;
  std::size_t bytes;
  int peer;
  const Comm* comm;
};

std::mutex mutex;
std::condition_variable arrived;
std::map<std::tuple<int, int, int>, std::deque<std::vector<char>>> mailboxes;  // communicator, from, to
int ids = 0;
thread_local bool in_group = false;
thread_local std::vector<Operation> group;

int add(bool is_send, void* buffer, std::size_t count, int type, int peer, const Comm* comm) {
  if (!in_group || type != 1 || peer < 0 || peer >= comm->ranks || peer == comm->rank)
    return invalid_argument;
  group.push_back({is_send, buffer, count, peer, comm});
  return success;
}

}  // namespace

// NOLINTBEGIN(readability-identifier-naming): NCCL's names
extern "C" {

int ncclGetVersion(int* version) {
  *version = 22105;
  return success;
}

int ncclGetUniqueId(UniqueId* id) {
  const std::lock_guard lock(mutex);
  *id = {};
  id->internal[127] = static_cast<char>(++ids);
  return success;
}

int ncclCommInitRank(Comm** comm, int ranks, UniqueId id, int rank) {
  if (ranks > most_ranks || id.internal[127] == 0) return invalid_argument;
  *comm = new Comm{id.internal[127], ranks, rank};
  return success;
}

int ncclCommDestroy(Comm* comm) {
  delete comm;
  return success;
}

const char* ncclGetErrorString(int result) {
  return result == invalid_argument ? "invalid argument" : "invalid usage";
}

int ncclGroupStart() {
  in_group = true;
  return success;
}

int ncclSend(const void* buffer, std::size_t count, int type, int peer, Comm* comm, void* /*stream*/) {
  return add(true, const_cast<void*>(buffer), count, type, peer, comm);
}

int ncclRecv(void* buffer, std::size_t count, int type, int peer, Comm* comm, void* /*stream*/) {
  return add(false, buffer, count, type, peer, comm);
}

int ncclGroupEnd() {
  std::unique_lock lock(mutex);
  for (const Operation& send : group) {
    if (!send.is_send) continue;
    const char* const bytes = static_cast<const char*>(send.buffer);
    mailboxes[{send.comm->id, send.comm->rank, send.peer}].emplace_back(bytes, bytes + send.bytes);
  }
  arrived.notify_all();
  for (const Operation& receive : group) {
    if (receive.is_send) continue;
    std::deque<std::vector<char>>& box = mailboxes[{receive.comm->id, receive.peer, receive.comm->rank}];
    if (!arrived.wait_for(lock, std::chrono::seconds(20), [&] { return !box.empty(); })) return invalid_usage;
    if (box.front().size() != receive.bytes) return invalid_usage;
    if (receive.bytes > 0) std::memcpy(receive.buffer, box.front().data(), receive.bytes);
    box.pop_front();
  }
  group.clear();
  in_group = false;
  return success;
}
}
// NOLINTEND(readability-identifier-naming)
