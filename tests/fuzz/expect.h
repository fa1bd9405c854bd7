// What the fuzzers demand of every input: no crash, and an error that is one short line.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>

namespace xr::fuzz {

/// Ends the process, which libFuzzer counts as a crash and keeps the input of.
inline void expect(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "fuzz: %s\n", what);
  std::abort();
}

inline void expect_one_line(const std::exception& error, std::size_t longest = 1000) {
  const std::string_view message = error.what();
  bool one_line = !message.empty() && message.size() < longest;
  for (const char c : message) one_line = one_line && static_cast<unsigned char>(c) >= 0x20 && c != 0x7F;
  if (!one_line) std::fprintf(stderr, "message: %s\n", error.what());
  expect(one_line, "an error's message is no short line of printable characters");
}

}  // namespace xr::fuzz
