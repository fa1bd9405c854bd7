#include "apps/xrtrain/cv/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>

#include "apps/machine/machine.h"
#include "apps/mpi/launcher.h"
#include "apps/xrtrain/interrupt.h"
#include "kernels/common/error.h"

namespace xr::apps {

namespace {

constexpr int cannot_start = 127;

/// Between fork and exec, in a process that may have had other threads: system calls only.
[[noreturn]] void become(const char* program, char* const* words, char* const* environment, int output,
                         pid_t parent) {
  ::setpgid(0, 0);
  (void)std::signal(SIGINT, SIG_DFL);  // ranks but the first ignore them
  (void)std::signal(SIGTERM, SIG_DFL);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // not to go on, unseen, when the parent is killed
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (::getppid() == parent && ::dup2(nothing, 0) >= 0 && ::dup2(output, 1) >= 0 && ::dup2(output, 2) >= 0)
    ::execve(program, words, environment);
  ::_exit(cannot_start);
}

/// As execve takes them.
std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& one : texts) pointers.push_back(one.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// The environment of a child, as NAME=VALUE.
std::vector<std::string> variables_with(const std::map<std::string, std::string>& changed) {
  std::vector<std::string> result;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable, name = text.substr(0, text.find('='));
    if (!mpi::is_of_launcher(name) && !changed.contains(name)) result.push_back(text);
  }
  for (const auto& [name, value] : changed) result.push_back(fmt::format("{}={}", name, value));
  return result;
}

}  // namespace

ChildProcess start_child(std::size_t task, const std::vector<std::string>& arguments,
                         const std::filesystem::path& output,
                         const std::map<std::string, std::string>& environment) {
  std::vector<std::string> words = arguments;
  words.insert(words.begin(), "xrtrain");
  std::vector<std::string> variables = variables_with(environment);
  const std::vector<char*> pointers = pointers_to(words), variable_pointers = pointers_to(variables);
  const int file = ::open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  XR_CHECK(file >= 0, "cannot write {}: {}", output.string(), std::strerror(errno));
  const std::string program = machine::own_program();
  const pid_t parent = ::getpid(), id = ::fork();
  if (id == 0) become(program.c_str(), pointers.data(), variable_pointers.data(), file, parent);
  const int error = errno;
  ::close(file);
  XR_CHECK(id > 0, "cannot start another process: {}", std::strerror(error));
  return {id, task};
}

std::optional<EndedChild> take_ended_child(std::vector<ChildProcess>& children) {
  while (!children.empty()) {
    int status = 0;
    const pid_t id = ::waitpid(-1, &status, WNOHANG);
    if (id == 0) return std::nullopt;
    XR_CHECK(id > 0, "cannot wait for the processes of the folds: {}", std::strerror(errno));
    const auto found = std::find_if(children.begin(), children.end(),
                                    [&](const ChildProcess& child) { return child.id == id; });
    if (found == children.end()) continue;
    const EndedChild ended{found->task, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)};
    children.erase(found);
    return ended;
  }
  return std::nullopt;
}

std::optional<EndedChild> wait_for_child(std::vector<ChildProcess>& children) {
  while (!interrupted()) {
    if (const std::optional<EndedChild> ended = take_ended_child(children)) return ended;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return std::nullopt;
}

void end_children(std::vector<ChildProcess>& children) noexcept {
  for (const ChildProcess& child : children) ::kill(child.id, SIGTERM);
  for (const ChildProcess& child : children)
    while (::waitpid(child.id, nullptr, 0) < 0 && errno == EINTR) {
    }
  children.clear();
}

}  // namespace xr::apps
