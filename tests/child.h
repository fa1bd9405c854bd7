// A process of its own for what cannot be undone.
#pragma once

#include <functional>
#include <string>

namespace xr::tests {

/// Runs f in a child process and returns what it returned. If the child is ended by a signal: "signal N: ", and what it
/// wrote to standard error.
std::string in_child(const std::function<std::string()>& f);

/// What a program that is started again can do; objects of static storage register themselves.
class Rerun {
 public:
  Rerun(const char* name, std::string (*run)());
};

/// Starts this program again with an environment variable ("NAME=value") and returns what that function returned.
std::string rerun(const std::string& name, const std::string& variable);

}  // namespace xr::tests
