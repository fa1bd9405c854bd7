#include "apps/xrtrain/console.h"

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <functional>

#include "apps/text/text.h"
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

namespace {

/// What a console shows on standard output, which is no terminal.
std::string shown(const ConsoleSettings& settings, const std::function<void(Console&)>& use) {
  const TemporaryFolder folder;
  const fs::path path = folder / "output";
  (void)std::fflush(stdout);
  const int before = ::dup(STDOUT_FILENO);
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  REQUIRE(before >= 0);
  REQUIRE(file >= 0);
  (void)::dup2(file, STDOUT_FILENO);
  {
    Console console(settings);
    use(console);
  }
  (void)std::fflush(stdout);
  (void)::dup2(before, STDOUT_FILENO);
  ::close(before);
  ::close(file);
  return text::read_file(path);
}

void count_to_four(Console& console) {
  for (std::size_t i = 1; i <= 4; ++i) console.progress("Counting", i, 4);
}

}  // namespace

TEST_CASE("Progress without a terminal is lines, and nothing where less is wanted") {
  ConsoleSettings settings;
  settings.progress_seconds = 0;
  const std::string lines = shown(settings, count_to_four);
  CHECK(lines == "Counting: 1/4 (25%)\nCounting: 2/4 (50%)\nCounting: 3/4 (75%)\nCounting: 4/4 (100%)\n");
  CHECK(lines.find('\r') == std::string::npos);
  settings.progress_seconds = 100;
  CHECK(shown(settings, count_to_four).empty());
  settings.progress_seconds = 0;
  settings.quiet = true;
  CHECK(shown(settings, count_to_four).empty());
  settings = {.quiet = false, .json = true, .level = LogLevel::info, .progress_seconds = 0};
  CHECK(shown(settings, count_to_four).empty());
}

}  // namespace xr::apps::test
