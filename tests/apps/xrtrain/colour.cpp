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

}  // namespace

TEST_CASE("colours are for terminals, and NO_COLOR refuses them") {
  const int main_end = ::posix_openpt(O_RDWR | O_NOCTTY);
  REQUIRE(main_end >= 0);
  REQUIRE(::grantpt(main_end) == 0);
  REQUIRE(::unlockpt(main_end) == 0);
  const int terminal = ::open(::ptsname(main_end), O_RDWR | O_NOCTTY);
  REQUIRE(terminal >= 0);
  int pipe[2];
  REQUIRE(::pipe(pipe) == 0);
  const Variable term("TERM", "xterm-256color");
  {
    const Variable no_color("NO_COLOR", nullptr);
    CHECK(has_colours(terminal));
    CHECK(!has_colours(pipe[1]));
  }
  {
    const Variable no_color("NO_COLOR", "");
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
  for (const int descriptor : {pipe[0], pipe[1], terminal, main_end}) ::close(descriptor);
  CHECK(coloured("serious", Colour::red, true) == "\033[1;31mserious\033[0m");
  CHECK(coloured("serious", Colour::red, false) == "serious");
}

}  // namespace xr::apps::test
