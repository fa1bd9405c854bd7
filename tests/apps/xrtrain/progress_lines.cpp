#include "apps/xrtrain/progress_lines.h"

#include <catch2/catch.hpp>

#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

namespace {

/// How many lines a task of `total` shows that takes so many seconds, told of in `steps` steps.
std::size_t lines_of(ProgressLines& lines, const std::string& label, std::size_t total, int steps,
                     double seconds, std::string* last = nullptr) {
  static double now = 0;
  std::size_t count = 0;
  for (int i = 1; i <= steps; ++i) {
    now += seconds / steps;
    const auto line =
        lines.line(label, total == 0 ? static_cast<std::size_t>(i) : total * i / steps, total, "", now);
    if (!line) continue;
    ++count;
    if (last != nullptr) *last = *line;
  }
  now += 1;
  return count;
}

}  // namespace

TEST_CASE("Progress without a terminal is a line now and then, and none of what is soon done") {
  ProgressLines lines(10);
  CHECK(lines_of(lines, "Reading", 1000, 100, 9) == 0);
  CHECK(lines_of(lines, "Reading", 1000, 100, 9) == 0);  // another task of the same name begins at 0
  std::string last;
  const std::size_t shown = lines_of(lines, "Decoding", 1000, 100, 65, &last);
  CHECK(shown >= 6);
  CHECK(shown <= 7);
  CHECK(last.find("1000/1000") != std::string::npos);
  CHECK(last.find("100%") != std::string::npos);
  CHECK(lines_of(lines, "Comparing", 1000, 1000, 10000) <= 20);  // hours
  const std::size_t unknown = lines_of(lines, "Listing", 0, 100, 35, &last);
  CHECK(unknown == 3);
  CHECK(last.find('%') == std::string::npos);
}

TEST_CASE("Nothing of a task is lost to another label") {
  ProgressLines lines(0);
  CHECK(lines.line("a", 50, 100, "loss 1", 1) == "a: 50/100 (50%), loss 1");
  CHECK(lines.line("b", 7, 0, "", 2) == "b: 7");
  CHECK(lines.line("a", 100, 100, "", 3) == std::nullopt);  // begun and done at once
}

}  // namespace xr::apps::test
