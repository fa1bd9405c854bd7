// Programs that mpirun starts as several ranks.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

/// Skips the test with a line where there is no mpirun, or a program without MPI.
bool can_start_ranks();

/// More ranks than cores, as root, in a container that forbids to read another process's memory.
RunSettings with_ranks(int count);

/// Options of `train` for 1, 2, 3, 4, 6 or 12 ranks.
Arguments sharded(const TemporaryFolder& folder, const std::string& out, const Arguments& more = {});

/// Two ranks, the second of which is START ARGUMENTS MORE, where START ends in the program. (Not by mpirun's ":", with
/// which Open MPI 5.0.7 of Debian 13 crashes.)
RunSettings with_second(const Arguments& arguments, const Arguments& start, const Arguments& more = {});

/// The error lines of the program, without what mpirun says.
std::vector<std::string> error_lines(const Result& result);
/// The only one; fails the test if there is another number of them.
std::string one_error(const Result& result);

/// The process of a rank that mpirun (`launcher`) started, once it is one.
std::optional<int> process_of_rank(int launcher, int rank);
/// Sends a signal to a rank, once, as soon as `is_time` and the rank is there.
std::function<void(int)> signal_to(int rank, int signal, const std::function<bool()>& is_time);
/// Whether that many seconds have passed.
std::function<bool()> after(double seconds);

}  // namespace xr::apps::test
