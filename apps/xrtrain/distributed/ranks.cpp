#include "apps/xrtrain/distributed/ranks.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iterator>
#include <sstream>

#include "apps/mpi/launcher.h"
#include "apps/text/text.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/failure.h"
#include "apps/xrtrain/options/options.h"
#include "engine/io/crc32.h"
#include "kernels/common/parallel.h"

namespace xr::apps {

namespace {

constexpr std::chrono::seconds first_deadline{600};  // until the options are known

/// The first rank decides when to save and end; it takes the others with it.
void ignore_interrupts() {
  (void)std::signal(SIGINT, SIG_IGN);
  (void)std::signal(SIGTERM, SIG_IGN);
}

/// Rank 0 alone prints an error that each process finds by itself. The others end without one: a launcher that sees one
/// may end rank 0 before it has printed.
void leave_errors_to_first() {
  if (mpi::launched_rank() != 0) ::_exit(exit_done);
}

std::unique_ptr<mpi::ProcessRanks> join() {
  if (mpi::library().empty()) leave_errors_to_first();
  try {
    return mpi::join_ranks(first_deadline);
  } catch (const Error& error) {
    if (error.code() == mpi::other_launcher) leave_errors_to_first();
    throw;
  }
}

}  // namespace

Ranks::Ranks() {
  if (mpi::launched_ranks() == 1) return;
  ranks_ = errors_as<UsageError>(join);
  rank_ = ranks_->rank();
  if (!is_first()) ignore_interrupts();
}

void Ranks::set_timeout(double seconds) {
  if (ranks_)
    ranks_->set_deadline(std::chrono::milliseconds(static_cast<std::int64_t>(std::max(1.0, seconds * 1000))));
}

void Ranks::require_same(const std::vector<SharedFact>& facts) {
  if (!ranks_) return;
  std::string own;
  for (const auto& [name, value] : facts) own += text::one_line(value) + '\n';
  const std::vector<std::string> all = ranks_->all_gather_text(own);
  for (int rank = 1; is_first() && rank < size(); ++rank) {
    std::istringstream here(own), there(all[static_cast<std::size_t>(rank)]);
    for (const auto& [name, value] : facts) {
      std::string mine, other;
      std::getline(here, mine);
      std::getline(there, other);
      if (mine != other)
        throw UsageError(fmt::format("{} differs from rank 0 in {}: {}, rank 0 has {}",
                                     ranks_->describe(rank), name, other, mine));
    }
  }
  ranks_->barrier();  // those that do not compare end here
}

void Ranks::require_same_command() {
  if (!ranks_) return;
  std::string arguments = text::read_file("/proc/self/cmdline");
  arguments.erase(0, arguments.find('\0') + 1);  // the program
  std::ranges::replace(arguments, '\0', ' ');
  require_same({{"program", program_identity()}, {"arguments", arguments}});
}

kernels::Device Ranks::own_device(const kernels::Device& device, const std::string& name) const {
  if (!ranks_ || device.type != kernels::DeviceType::cuda || name.find(':') != std::string::npos)
    return device;
  return choose_device(fmt::format("cuda:{}", ranks_->local_rank()));
}

int Ranks::set_threads(std::int64_t threads, std::int64_t shards) {
  if (threads > 0)
    kernels::set_thread_count(static_cast<int>(threads));
  else if (shards > 1)
    kernels::set_thread_count(
        static_cast<int>(std::max<std::int64_t>(1, ::sysconf(_SC_NPROCESSORS_ONLN) / shards)));
  if (ranks_)
    kernels::set_thread_count(std::stoi(from_first([] { return std::to_string(kernels::thread_count()); })));
  return kernels::thread_count();
}

int Ranks::own_workers(int workers) const {
  if (!ranks_ || workers > 0) return workers;
  const auto processors = static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
  return std::max(1, processors / ranks_->local_size());
}

std::string Ranks::from_first(const std::function<std::string()>& make) {
  if (!ranks_) return make();
  return ranks_->broadcast_text(is_first() ? make() : std::string());
}

std::vector<std::string> Ranks::texts_from_first(const std::function<std::vector<std::string>()>& make) {
  if (!ranks_) return make();
  std::istringstream all(from_first([&] {
    std::string joined;
    for (const std::string& one : make()) joined += one + '\0';
    return joined;
  }));
  std::vector<std::string> result;
  for (std::string one; std::getline(all, one, '\0');) result.push_back(one);
  return result;
}

std::vector<std::int64_t> Ranks::numbers_from_first(const std::function<std::vector<std::int64_t>()>& make) {
  if (!ranks_) return make();
  std::istringstream words(from_first([&] { return fmt::format("{}", fmt::join(make(), " ")); }));
  return {std::istream_iterator<std::int64_t>(words), {}};
}

int Ranks::run(const std::function<int()>& work) {
  if (!ranks_) return work();
  Failure failure;
  try {
    return work();
  } catch (const mpi::RankFailure& of_another) {
    failure = {of_another.status(), of_another.what()};
  } catch (...) {
    if (!ranks_) throw;  // they have left
    failure = describe_failure(std::current_exception());
    failure.message = error_line(fmt::format("{}: {}", ranks_->describe(ranks_->rank()), failure.message));
  }
  ranks_->fail(failure.message, failure.status);
  return failure.status;
}

void Ranks::leave() {
  if (!ranks_) return;
  ranks_->leave();
  ranks_.reset();
}

std::string program_identity() {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return fmt::format("{} ({} bytes, CRC {:08x})", XR_VERSION, bytes.size(),
                     engine::crc32(std::as_bytes(std::span(bytes))));
}

void check_shards(std::int64_t shards, int ranks) {
  if (shards % ranks == 0) return;
  throw UsageError(
      fmt::format("{} ranks do not divide --shards {}: use --shards {} or another multiple of {}, or "
                  "start as many ranks as divide it",
                  ranks, shards, (shards / ranks + 1) * ranks, ranks));
}

void require_one_process(const std::string& command) {
  if (mpi::launched_ranks() == 1) return;
  leave_errors_to_first();
  throw UsageError(fmt::format("{} works in one process, but a launcher started {}: start it without mpirun",
                               command, mpi::launched_ranks()));
}

}  // namespace xr::apps
