#include "tests/apps/xrtrain/support.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

#include "data/image/image.h"
#include "data/phantom/phantom.h"
#include "kernels/common/random.h"

namespace xr::apps::test {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// In the child, between fork and exec.
[[noreturn]] void become_program(const TemporaryFolder& folder, const Arguments& arguments,
                                 const RunSettings& settings, const std::string& output,
                                 const std::string& error) {
  const int out = ::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  const int err = ::open(error.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  ::close(::open("/dev/null", O_RDONLY));
  ::setenv("XRTRAIN_CACHE", (folder / "cache").c_str(), 1);
  ::setenv("OMP_WAIT_POLICY", "passive", 1);
  for (const auto& [name, value] : settings.environment) ::setenv(name.c_str(), value.c_str(), 1);
  if (settings.file_size_limit > 0) {
    const rlimit limit{settings.file_size_limit, settings.file_size_limit};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ::signal(SIGXFSZ, SIG_IGN);  // writing beyond it fails with EFBIG instead
  }
  if (settings.as_nobody && ::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(99);
  std::vector<char*> argv;
  std::vector<std::string> copies = settings.launcher;
  copies.emplace_back(XR_PROGRAM);
  copies.insert(copies.end(), arguments.begin(), arguments.end());
  for (std::string& argument : copies) argv.push_back(argument.data());
  argv.push_back(nullptr);
  ::execvp(copies.front().c_str(), argv.data());
  ::_exit(98);
}

bool has_line(const std::string& file, const std::string& start) {
  std::ifstream text(file);
  for (std::string line; std::getline(text, line);)
    if (line.starts_with(start)) return true;
  return false;
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (fs::temp_directory_path() / "xr_apps_test_XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a temporary folder");
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code code;
  fs::remove_all(path_, code);
}

std::string Result::error_line() const {
  INFO("standard error: " << error);
  std::string line = other_errors({"xrtrain: warning: "});
  CHECK(line.starts_with("xrtrain: error: "));
  CHECK(std::count(line.begin(), line.end(), '\n') == 1);
  CHECK(line.size() > 30);
  return line;
}

std::string Result::other_errors(const std::vector<std::string>& known) const {
  std::string others;
  std::istringstream lines(error);
  for (std::string line; std::getline(lines, line);)
    if (std::ranges::none_of(known, [&](const std::string& text) { return line.find(text) != line.npos; }))
      others += line + '\n';
  return others;
}

Result run(const TemporaryFolder& folder, const Arguments& arguments, const RunSettings& settings) {
  static int count = 0;
  const std::string name = (folder / fmt::format("run{}", ++count)).string();
  const std::string output = settings.output_to.empty() ? name + ".out" : settings.output_to,
                    error = name + ".err";
  const pid_t child = ::fork();
  if (child == 0) become_program(folder, arguments, settings, output, error);
  const auto started = Clock::now();
  int status = 0;
  int signals = 0;
  while (::waitpid(child, &status, WNOHANG) == 0) {
    const bool time = settings.kill_after >= 0 && seconds_since(started) >= settings.kill_after;
    const bool line = !settings.signal_after_line.empty() && has_line(output, settings.signal_after_line);
    if (signals < settings.signals && (signals > 0 || time || line)) {
      ++signals;
      ::kill(child, settings.signal);
    }
    if (settings.while_running) settings.while_running(child);
    if (seconds_since(started) > 240) ::kill(child, SIGKILL);
    std::this_thread::sleep_for(std::chrono::microseconds(500));
  }
  Result result;
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  if (settings.output_to.empty()) result.output = read_text(output);
  result.error = read_text(error);
  UNSCOPED_INFO("xrtrain " << fmt::format("{}", fmt::join(arguments, " ")) << " -> " << result.status << "\n"
                           << result.output << result.error);
  return result;
}

std::vector<double> probabilities_of(const std::string& csv) {
  std::vector<double> found;
  std::istringstream lines(csv);
  std::string line;
  std::getline(lines, line);
  CHECK(line == "file,class,p(covid),p(normal)");
  while (std::getline(lines, line)) {
    const std::size_t last = line.rfind(',');
    found.push_back(std::stod(line.substr(line.rfind(',', last - 1) + 1)));
    found.push_back(std::stod(line.substr(last + 1)));
  }
  return found;
}

fs::path make_phantoms(const TemporaryFolder& folder, int train_per_class, int test_per_class) {
  data::PhantomSettings settings;
  settings.size = 64;
  settings.train_covid = settings.train_normal = train_per_class;
  settings.test_covid = settings.test_normal = test_per_class;
  settings.workers = 2;
  data::write_phantom_dataset(folder / "data", settings);
  return folder / "data";
}

Arguments tiny(const TemporaryFolder& folder, const std::string& out, const Arguments& more) {
  Arguments arguments = {"train",
                         "--data",
                         (folder / "data").string(),
                         "--out",
                         (folder / out).string(),
                         "--model",
                         "report_cnn",
                         "--image-size",
                         "16",
                         "--batch-size",
                         "4",
                         "--val-fraction",
                         "0.25",
                         "--threads",
                         "2",
                         "--workers",
                         "1"};
  if (std::find(more.begin(), more.end(), "--epochs") == more.end())
    arguments.insert(arguments.end(), {"--epochs", "3"});
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

void replace_value(Arguments& arguments, const std::string& option, const std::string& value) {
  const auto found = std::find(arguments.begin(), arguments.end(), option);
  REQUIRE(found != arguments.end());
  *(found + 1) = value;
}

void make_png(const fs::path& path, std::uint64_t seed, int side) {
  fs::create_directories(path.parent_path());
  data::Image image{side, side, 1, {}};
  Philox random(seed, 99);
  for (int i = 0; i < side * side; ++i) image.pixels.push_back(static_cast<std::uint8_t>(random.next_u32()));
  data::write_png(path, image);
}

void write_text(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::map<std::string, std::string> results_of(const fs::path& run) {
  std::map<std::string, std::string> results;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(run)) {
    const std::string name = entry.path().lexically_relative(run).string();
    if (entry.is_regular_file() && name != "log.txt" && name != "timing.csv")
      results[name] = read_text(entry.path());
  }
  return results;
}

void check_same_files(const std::map<std::string, std::string>& a,
                      const std::map<std::string, std::string>& b) {
  CHECK(!a.empty());
  for (const auto& [name, text] : a) {
    INFO(name);
    CHECK(b.contains(name));
    CHECK((b.contains(name) && b.at(name) == text));
  }
  CHECK(a.size() == b.size());
}

void check_same_results(const fs::path& a, const fs::path& b) {
  check_same_files(results_of(a), results_of(b));
}

void check_no_leftovers(const fs::path& run) {
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(run)) {
    INFO(entry.path().string());
    CHECK(entry.path().string().find(".tmp") == std::string::npos);
  }
}

}  // namespace xr::apps::test
