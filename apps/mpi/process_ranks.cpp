#include "apps/mpi/process_ranks.h"

#include <mpi.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>
#include <vector>

#include "apps/mpi/launcher.h"

namespace xr::mpi {

namespace {

using engine::Incoming;
using engine::Outgoing;
using Clock = std::chrono::steady_clock;

enum Tag { tag_message = 1, tag_failure = 2 };

/// A message is sent in parts of this size: Open MPI has some fragments of each under way at a time, so that several
/// move more at each look at them.
constexpr std::size_t part_bytes = std::size_t{1} << 20;

/// MPI counts with an int.
constexpr std::size_t most_floats = std::size_t{1} << 30;

void check(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  (void)MPI_Error_string(code, text, &length);
  throw Error(fmt::format("{} failed: {}", call, std::string(text, static_cast<std::size_t>(length))));
}

/// Waits between two looks at requests: at first short, for a step takes milliseconds, then ever longer, for ranks may
/// share a core.
class Pause {
 public:
  void operator()(bool is_moving = false) {
    if (is_moving) looks_ = 0;
    if (++looks_ < 200) {
      (void)::sched_yield();
    } else {
      std::this_thread::sleep_for(std::chrono::microseconds(std::min(1000, 20 + looks_ / 10)));
    }
  }

 private:
  int looks_ = 0;
};

/// Requests under way, and the rank that each is about. What is not done when it is destroyed is given up.
class Requests {
 public:
  Requests() = default;
  Requests(const Requests&) = delete;
  Requests& operator=(const Requests&) = delete;
  ~Requests() {
    for (std::size_t i = 0; i < requests_.size(); ++i) {
      if (requests_[i] == MPI_REQUEST_NULL) continue;
      if (i < receives_) (void)MPI_Cancel(&requests_[i]);  // sends cannot be
      (void)MPI_Request_free(&requests_[i]);
    }
  }

  /// All messages that are received come before those that are sent.
  void receive(const Incoming& message) {
    for (std::size_t begin = 0; begin < message.bytes.size(); begin += part_bytes) {
      const std::span<std::byte> part = message.bytes.subspan(begin, size_of(message.bytes.size() - begin));
      check(MPI_Irecv(part.data(), static_cast<int>(part.size()), MPI_BYTE, message.rank, tag_message,
                      MPI_COMM_WORLD, add(message.rank)),
            "MPI_Irecv");
    }
    receives_ = requests_.size();
  }

  void send(const Outgoing& message, Tag tag = tag_message) {
    for (std::size_t begin = 0; begin < message.bytes.size(); begin += part_bytes) {
      const std::span<const std::byte> part =
          message.bytes.subspan(begin, size_of(message.bytes.size() - begin));
      check(MPI_Isend(part.data(), static_cast<int>(part.size()), MPI_BYTE, message.rank, tag, MPI_COMM_WORLD,
                      add(message.rank)),
            "MPI_Isend");
    }
  }

  [[nodiscard]] bool done() {
    int some = 0;
    finished_.resize(requests_.size());
    check(MPI_Testsome(static_cast<int>(requests_.size()), requests_.data(), &some, finished_.data(),
                       MPI_STATUSES_IGNORE),
          "MPI_Testsome");
    is_moving_ = some != 0;
    return some == MPI_UNDEFINED;
  }
  /// Whether the latest done() found some that were finished.
  [[nodiscard]] bool is_moving() const { return is_moving_; }

  /// The rank of the first request that is not done.
  [[nodiscard]] int missing() {
    for (std::size_t i = 0; i < requests_.size(); ++i) {
      int is_done = 0;
      if (MPI_Request_get_status(requests_[i], &is_done, MPI_STATUS_IGNORE) == MPI_SUCCESS && is_done == 0)
        return ranks_[i];
    }
    return ranks_.empty() ? 0 : ranks_.front();
  }

 private:
  [[nodiscard]] static std::size_t size_of(std::size_t left) { return std::min(left, part_bytes); }
  [[nodiscard]] MPI_Request* add(int rank) {
    ranks_.push_back(rank);
    requests_.push_back(MPI_REQUEST_NULL);
    return &requests_.back();
  }

  std::vector<MPI_Request> requests_;  // each is started before the next is added
  std::vector<int> ranks_, finished_;
  std::size_t receives_ = 0;
  bool is_moving_ = false;
};

int world_rank() {
  int rank = 0;
  check(MPI_Comm_rank(MPI_COMM_WORLD, &rank), "MPI_Comm_rank");
  return rank;
}

int world_size() {
  int size = 0;
  check(MPI_Comm_size(MPI_COMM_WORLD, &size), "MPI_Comm_size");
  return size;
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

void print_line(const std::string& line) {
  (void)std::fputs((line + '\n').c_str(), stderr);
  (void)std::fflush(stderr);
}

[[noreturn]] void end_all(const std::string& line, int status) {
  print_line(line);
  (void)MPI_Abort(MPI_COMM_WORLD, status);
  ::_exit(status);
}

/// Ends this process with a message unless it is destroyed within the deadline: MPI_Init waits for all ranks, without an
/// end where a launcher (MPICH's) does not notice that one could not be started.
class StartDeadline {
 public:
  explicit StartDeadline(std::chrono::milliseconds deadline)
      : thread_([this, deadline] { wait(deadline); }) {}
  StartDeadline(const StartDeadline&) = delete;
  StartDeadline& operator=(const StartDeadline&) = delete;
  ~StartDeadline() {
    {
      const std::lock_guard lock(mutex_);
      is_over_ = true;
    }
    over_.notify_one();
    thread_.join();
  }

 private:
  void wait(std::chrono::milliseconds deadline) {
    const auto in_turn = std::chrono::milliseconds(200 * launched_rank());  // the launcher ends the others
    std::unique_lock lock(mutex_);
    if (over_.wait_for(lock, deadline + in_turn, [this] { return is_over_; })) return;
    print_line(fmt::format(
        "{}: error: rank {} on host {} did not find the {} other ranks within {:g} s: see if all could start",
        ::program_invocation_short_name, launched_rank(), host_name(), launched_ranks() - 1,
        std::chrono::duration<double>(deadline).count()));
    ::_exit(1);
  }

  std::mutex mutex_;
  std::condition_variable over_;
  bool is_over_ = false;
  std::thread thread_;  // uses the members above
};

class MpiRanks final : public ProcessRanks {
 public:
  MpiRanks(int rank, int size, std::chrono::milliseconds deadline)
      : ProcessRanks(rank, std::vector<std::string>(static_cast<std::size_t>(size), "unknown")) {
    set_deadline(deadline);
    try {
      set_hosts(all_gather_text(host_name()));
    } catch (const RankFailure& of_another) {  // nobody has this object yet
      end_all(of_another.what(), of_another.status());
    }
  }

  [[noreturn]] void fail(const std::string& line, int status) override {
    // A rank that waits for rank 0 need not wait for it again; one of several that fail alike is first.
    const auto patience = is_silent_ ? std::chrono::milliseconds(1000 + 200 * rank())
                                     : deadline() + std::chrono::milliseconds(200 * rank());
    try {
      if (rank() != 0) report(line, status, patience);
    } catch (const Error&) {  // rank 0 cannot be told
    }
    end_all(line, status);
  }

  void leave() override {
    barrier();
    check(MPI_Finalize(), "MPI_Finalize");
  }

  void library_sum(std::span<float> values) override {
    for (std::size_t begin = 0; begin < values.size(); begin += most_floats) {
      const std::span<float> part = values.subspan(begin, std::min(most_floats, values.size() - begin));
      check(MPI_Allreduce(MPI_IN_PLACE, part.data(), static_cast<int>(part.size()), MPI_FLOAT, MPI_SUM,
                          MPI_COMM_WORLD),
            "MPI_Allreduce");
    }
  }

 private:
  void transfer(std::span<const Outgoing> sent, std::span<const Incoming> received) override {
    Requests requests;
    for (const Incoming& message : received) requests.receive(message);
    for (const Outgoing& message : sent) requests.send(message);
    const auto until = Clock::now() + deadline();
    for (Pause pause; !requests.done(); pause(requests.is_moving())) {
      if (is_interrupted()) throw interrupted();
      look_for_failure();
      if (Clock::now() >= until) throw silent(requests.missing());
    }
  }

  [[nodiscard]] Error silent(int rank) {
    is_silent_ = true;
    return Communicator::silent(rank);
  }

  /// Sends rank 0 what it is to print, and waits until it ends this process.
  void report(const std::string& line, int status, std::chrono::milliseconds patience) {
    const std::string message = std::string(1, static_cast<char>(status)) + line;
    Requests requests;
    requests.send({0, std::as_bytes(std::span(message))}, tag_failure);
    const auto until = Clock::now() + patience;
    for (Pause pause; Clock::now() < until; pause()) (void)requests.done();
  }

  /// Throws what another rank has reported.
  void look_for_failure() {
    if (rank() != 0) return;
    int there = 0;
    MPI_Status status;
    check(MPI_Iprobe(MPI_ANY_SOURCE, tag_failure, MPI_COMM_WORLD, &there, &status), "MPI_Iprobe");
    if (there == 0) return;
    int length = 0;
    check(MPI_Get_count(&status, MPI_BYTE, &length), "MPI_Get_count");
    std::string message(static_cast<std::size_t>(length), '\0');
    check(MPI_Recv(message.data(), length, MPI_BYTE, status.MPI_SOURCE, tag_failure, MPI_COMM_WORLD,
                   MPI_STATUS_IGNORE),
          "MPI_Recv");
    throw RankFailure(message.substr(1), static_cast<unsigned char>(message[0]));
  }

  bool is_silent_ = false;
};

}  // namespace

std::string library() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  if (MPI_Get_library_version(text, &length) != MPI_SUCCESS) return "MPI";
  std::string name(text, static_cast<std::size_t>(length));
  name.resize(std::min(name.size(), name.find_first_of(",\n")));
  constexpr std::string_view label = " Version:\t";  // "MPICH Version:\t4.0.2"
  if (const std::size_t at = name.find(label); at != std::string::npos) name.replace(at, label.size(), " ");
  return name;
}

std::string launcher() {
  return XR_MPIEXEC;
}

std::unique_ptr<ProcessRanks> join_ranks(std::chrono::milliseconds deadline) {
  int provided = 0;
  {
    const StartDeadline start(deadline);
    check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided), "MPI_Init_thread");
  }
  XR_CHECK(
      provided >= MPI_THREAD_SERIALIZED,
      "{} cannot be called by threads in turn (MPI_THREAD_SERIALIZED): use one that was built for threads",
      library());
  check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  const int size = world_size();
  XR_CHECK_CODE(
      size == launched_ranks(), other_launcher,
      "the launcher started {} ranks, but {} of this build finds {}: start it with the launcher of the same MPI, {}, "
      "or with the --mpi of srun that it knows (pmix or pmi2)",
      launched_ranks(), library(), size, launcher());
  return std::make_unique<MpiRanks>(world_rank(), size, deadline);
}

}  // namespace xr::mpi
