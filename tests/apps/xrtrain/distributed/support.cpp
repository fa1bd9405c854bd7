#include "tests/apps/xrtrain/distributed/support.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <sstream>

#include "apps/mpi/process_ranks.h"

namespace xr::apps::test {

bool can_start_ranks() {
  if (mpi::library().empty()) {
    WARN("not tested: this build has no MPI (install " << mpi::package << ")");
    return false;
  }
  if (std::system(("command -v '" + mpi::launcher() + "' >/dev/null").c_str()) != 0) {
    WARN("not tested: there is no " << mpi::launcher());
    return false;
  }
  return true;
}

RunSettings with_ranks(int count) {
  RunSettings settings;
  settings.environment = {{"OMPI_ALLOW_RUN_AS_ROOT", "1"},
                          {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"},
                          {"OMPI_MCA_rmaps_base_oversubscribe", "1"},
                          {"OMPI_MCA_hwloc_base_binding_policy", "none"},
                          {"OMPI_MCA_btl_vader_single_copy_mechanism", "none"},
                          {"PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe"},  // Open MPI 5
                          {"PRTE_MCA_hwloc_default_binding_policy", "none"},
                          {"ASAN_OPTIONS", "detect_leaks=0"}};  // Open MPI keeps some memory
  settings.launcher = {mpi::launcher(), "-n", std::to_string(count)};
  return settings;
}

Arguments sharded(const TemporaryFolder& folder, const std::string& out, const Arguments& more) {
  Arguments arguments = tiny(folder, out, {"--epochs", "2", "--shards", "12", "--timeout", "60"});
  replace_value(arguments, "--threads", "1");
  replace_value(arguments, "--batch-size", "12");
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

RunSettings with_second(const Arguments& arguments, const Arguments& start, const Arguments& more) {
  Arguments second;
  for (const Arguments* part : {&start, &arguments, &more})
    second.insert(second.end(), part->begin(), part->end());
  RunSettings settings = with_ranks(2);
  const Arguments choose = {
      "bash", "-c",
      "(( ${OMPI_COMM_WORLD_RANK:-$PMI_RANK} == 1 )) && exec \"${@:2:$1}\" || exec \"${@:2+$1}\"", "bash",
      std::to_string(second.size())};
  for (const Arguments& part : {choose, second})
    settings.launcher.insert(settings.launcher.end(), part.begin(), part.end());
  return settings;
}

std::vector<std::string> error_lines(const Result& result) {
  std::vector<std::string> found;
  std::istringstream lines(result.error);
  for (std::string line; std::getline(lines, line);) {
    std::erase(line, '\0');  // Open MPI 5.0.7 ends its own messages with one
    if (line.starts_with("xrtrain: error: ")) found.push_back(line);
  }
  return found;
}

std::string one_error(const Result& result) {
  const std::vector<std::string> lines = error_lines(result);
  INFO(result.error);
  CHECK(lines.size() == 1);
  if (!lines.empty()) CHECK(lines.front().rfind("error: ") == lines.front().find("error: "));
  return lines.empty() ? "" : lines.front();
}

namespace {

/// Whether `process` descends from `launcher`: MPICH's has a process of its own between.
bool is_started_by(int launcher, std::string process) {
  while (process != "0" && process != std::to_string(launcher)) {
    const std::string status = '\n' + read_text(fs::path("/proc") / process / "status");
    const std::string label = "\nPPid:\t";
    const std::size_t at = status.find(label);
    if (at == std::string::npos) return false;  // it has ended
    const std::size_t begin = at + label.size();
    process = status.substr(begin, status.find('\n', begin) - begin);
  }
  return process != "0";
}

}  // namespace

std::optional<int> process_of_rank(int launcher, int rank) {
  std::error_code code;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc", code)) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::string environment = '\0' + read_text(entry.path() / "environ");
    for (const char* variable : {"OMPI_COMM_WORLD_RANK", "PMI_RANK"})
      if (environment.find(fmt::format("{}{}={}{}", '\0', variable, rank, '\0')) != std::string::npos &&
          is_started_by(launcher, name))
        return std::stoi(name);
  }
  return {};
}

std::function<void(int)> signal_to(int rank, int signal, const std::function<bool()>& is_time) {
  return [=, done = false](int launcher) mutable {
    if (done || !is_time()) return;
    const std::optional<int> process = process_of_rank(launcher, rank);
    done = process && ::kill(*process, signal) == 0;
  };
}

std::function<bool()> after(double seconds) {
  using Clock = std::chrono::steady_clock;
  return [=, started = Clock::now()] {
    return std::chrono::duration<double>(Clock::now() - started).count() >= seconds;
  };
}

}  // namespace xr::apps::test
