#include "apps/xrtrain/colour.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>

#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

namespace {

/// A variable of the environment while it lives; nothing: unset.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    set(value);
  }
  ~Variable() { set(before_ ? before_->c_str() : nullptr); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  void set(const char* value) { value == nullptr ? ::unsetenv(name_) : ::setenv(name_, value, 1); }
  const char* name_;
  std::optional<std::string> before_;
};

/// A terminal of the test's own.
class Terminal {
 public:
  Terminal() : main_end_(::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK)) {
    REQUIRE(main_end_ >= 0);
    REQUIRE(::grantpt(main_end_) == 0);
    REQUIRE(::unlockpt(main_end_) == 0);
    other_end_ = ::open(name().c_str(), O_RDWR | O_NOCTTY);
    REQUIRE(other_end_ >= 0);
  }
  ~Terminal() {
    ::close(other_end_);
    ::close(main_end_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  [[nodiscard]] int descriptor() const { return other_end_; }
  [[nodiscard]] std::string name() const { return ::ptsname(main_end_); }
  /// What was written to it since the last time.
  [[nodiscard]] std::string read() const {
    std::string text;
    char buffer[4096];
    for (ssize_t n = 0; (n = ::read(main_end_, buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<std::size_t>(n));
    return text;
  }

 private:
  int main_end_ = -1, other_end_ = -1;
};

/// What the program writes to a terminal, standard error included.
std::string shown_on_terminal(const TemporaryFolder& folder, const Arguments& arguments,
                              const char* no_color) {
  const Terminal terminal;
  std::string text;
  RunSettings settings;
  settings.output_to = terminal.name();
  settings.launcher = {"sh", "-c", "exec \"$@\" 2>&1", "sh"};
  settings.environment = {{"TERM", "xterm"}, {"NO_COLOR", no_color}};
  settings.while_running = [&](int) { text += terminal.read(); };
  (void)run(folder, arguments, settings);
  return text + terminal.read();
}

}  // namespace

TEST_CASE("colours are for terminals, and NO_COLOR refuses them") {
  const Terminal own;
  const int terminal = own.descriptor();
  int pipe[2];
  REQUIRE(::pipe(pipe) == 0);
  const Variable term("TERM", "xterm-256color");
  {
    const Variable no_color("NO_COLOR", nullptr);
    CHECK(has_colours(terminal));
    CHECK(!has_colours(pipe[1]));
  }
  {
    const Variable no_color("NO_COLOR", nullptr), ranks("OMPI_COMM_WORLD_SIZE", "1");
    CHECK(!is_terminal(terminal));
    CHECK(!has_colours(terminal));
  }
  {
    const Variable no_color("NO_COLOR", "");
    CHECK(is_terminal(terminal));
    CHECK(!is_terminal(pipe[1]));
    CHECK(has_colours(terminal));
  }
  {
    const Variable no_color("NO_COLOR", "1");
    CHECK(!has_colours(terminal));
  }
  {
    const Variable no_color("NO_COLOR", nullptr), dumb("TERM", "dumb");
    CHECK(!has_colours(terminal));
  }
  for (const int descriptor : pipe) ::close(descriptor);
  CHECK(coloured("serious", Colour::red, true) == "\033[1;31mserious\033[0m");
  CHECK(coloured("serious", Colour::red, false) == "serious");
}

TEST_CASE("the program colours its marks and errors on a terminal, and none with NO_COLOR") {
  TemporaryFolder folder;
  const std::string data = make_phantoms(folder).string(), absent = (folder / "absent").string();
  const Arguments audit{"audit", data}, predict{"predict", absent, data};
  CHECK_THAT(shown_on_terminal(folder, audit, ""),
             contains("[\033[1;33mwarning\033[0m] Patients") && contains("[\033[1;32mok\033[0m] Files"));
  CHECK_THAT(shown_on_terminal(folder, predict, ""), contains("xrtrain: \033[1;31merror\033[0m: "));
  for (const Arguments& arguments : {audit, predict}) {
    const std::string text = shown_on_terminal(folder, arguments, "1");
    CHECK(text.size() > 20);
    CHECK_THAT(text, !contains("\033[1;"));
    CHECK_THAT(run(folder, arguments).output + run(folder, arguments).error, !contains("\033"));
  }
}

}  // namespace xr::apps::test
