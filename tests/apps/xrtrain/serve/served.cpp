#include "tests/apps/xrtrain/serve/served.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "apps/http/server.h"

namespace xr::apps::test {

Served::Served(const TemporaryFolder& folder, const Arguments& arguments)
    : output_((folder / "serve.out").string()) {
  fs::create_directories(folder / "temporary");
  std::vector<std::string> words{XR_PROGRAM, "serve", "--port", "0"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  fs::remove(output_);
  child_ = ::fork();
  if (child_ == 0) {
    const int out = ::open(output_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    ::setenv("TMPDIR", (folder / "temporary").c_str(), 1);
    ::setenv("OMP_WAIT_POLICY", "passive", 1);
    ::execv(argv.front(), argv.data());
    ::_exit(98);
  }
  const std::string after = "/ (Ctrl-C ends it)\n";
  for (int i = 0; i < 6000 && port_ == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    const std::string text = output();
    if (const std::size_t end = text.find(after); end != std::string::npos)
      port_ = std::stoi(text.substr(text.rfind(':', end) + 1));
    if (::waitpid(child_, nullptr, WNOHANG) == child_) {
      child_ = -1;
      FAIL("serve ended: " << text);
    }
  }
  if (port_ == 0) (void)end();  // no destructor after a failure here
  REQUIRE(port_ > 0);
}

Served::~Served() {
  (void)end();
}

int Served::end() {
  if (child_ < 0) return -1;
  int status = 0;
  ::kill(child_, SIGINT);
  ::waitpid(child_, &status, 0);
  child_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

bool can_serve() {
  if (http::library().empty()) WARN("the build has no cpp-httplib: nothing was checked");
  return !http::library().empty();
}

}  // namespace xr::apps::test
