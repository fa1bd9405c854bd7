#include "tests/ops/operation.h"

#include <algorithm>
#include <cstdio>

#include "kernels/common/error.h"

namespace xr::tests {

bool is_selected(const std::string& operation, const std::string& name, const std::string& selection) {
  const std::size_t slash = selection.find('/');
  if (!selection.empty() && selection.substr(0, slash) != operation) return false;
  return slash == std::string::npos || selection.substr(slash + 1) == name;
}

Share parse_share(const std::string& text) {
  Share share;
  int end = 0;
  const bool is_read =
      std::sscanf(text.c_str(), "%zu/%zu%n", &share.index, &share.count, &end) == 2;  // NOLINT(cert-err34-c)
  XR_CHECK(is_read && static_cast<std::size_t>(end) == text.size() && share.index < share.count,
           "'{}' is no share of the tests: write 0/8 to 7/8 for eight runs", text);
  return share;
}

bool is_in_share(std::size_t index, std::size_t cases, const Share& share) {
  const std::size_t step = std::min(cases, share.count);
  return index % step == share.index % step;
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
