#include "tests/child.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>

namespace xr::tests {

namespace {

std::string read_all(int from) {
  std::string text;
  char part[4096];
  for (ssize_t n = 0; (n = read(from, part, sizeof(part))) > 0;)
    text.append(part, static_cast<std::size_t>(n));
  close(from);
  return text;
}

// Where a program that was started again writes its answer.
constexpr int answer_number = 3;

std::map<std::string, std::string (*)()>& all_reruns() {
  static std::map<std::string, std::string (*)()> all;
  return all;
}

/// Starts f in a child, which writes its answer to that file.
std::string answer_of_child(const std::function<void(int)>& f) {
  int answer[2], errors[2];
  if (pipe(answer) != 0 || pipe(errors) != 0) return "no pipe";
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);  // Catch2's handler would report the test as failed
    alarm(60);                      // a child that runs for ever would keep the pipes open
    dup2(errors[1], STDERR_FILENO);
    f(answer[1]);
    std::_Exit(0);
  }
  close(answer[1]);
  close(errors[1]);
  const std::string text = read_all(answer[0]), said = read_all(errors[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status)) + ": " + said : text;
}

void write_all(int to, const std::string& text) {
  if (write(to, text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::_Exit(1);
}

}  // namespace

std::string in_child(const std::function<std::string()>& f) {
  return answer_of_child([&](int to) { write_all(to, f()); });
}

Rerun::Rerun(const char* name, std::string (*run)()) {
  all_reruns()[name] = run;
}

std::string rerun(const std::string& name, const std::string& variable) {
  return answer_of_child([&](int to) {
    dup2(to, answer_number);
    dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
    const std::size_t equals = variable.find('=');
    setenv(variable.substr(0, equals).c_str(), variable.substr(equals + 1).c_str(), 1);
    setenv("XR_TEST_RERUN", name.c_str(), 1);
    execl("/proc/self/exe", "test", "rerun", static_cast<char*>(nullptr));
  });
}

TEST_CASE("rerun", "[.]") {
  const char* const name = std::getenv("XR_TEST_RERUN");
  REQUIRE(name != nullptr);
  write_all(answer_number, all_reruns().at(name)());
}

}  // namespace xr::tests
