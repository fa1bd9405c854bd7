#include "tests/ops/operation.h"

#include <algorithm>

namespace xr::tests {

bool is_selected(const std::string& operation, const std::string& name, const std::string& selection) {
  const std::size_t slash = selection.find('/');
  if (!selection.empty() && selection.substr(0, slash) != operation) return false;
  return slash == std::string::npos || selection.substr(slash + 1) == name;
}

namespace {

template <class Suites>
void add_names(const Operation& operation, const Suites& suites, std::vector<std::string>& names) {
  for (const auto& suite : suites)
    for (const auto& one : suite.cases) {
      std::string name = operation.name + "/" + one.name;
      if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
    }
}

}  // namespace

std::vector<std::string> check_names() {
  std::vector<std::string> names;
  for (const Operation& operation : operations()) add_names(operation, operation.checks, names);
  return names;
}

std::vector<std::string> gradient_names() {
  std::vector<std::string> names;
  for (const Operation& operation : operations()) add_names(operation, operation.gradients, names);
  return names;
}

}  // namespace xr::tests
