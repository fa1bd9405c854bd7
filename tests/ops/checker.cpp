#include "tests/ops/checker.h"

#include <fmt/core.h>

#include "tests/ops/harness.h"

namespace xr::tests {

std::vector<Tensor> Checker::report(Backend& backend, const Call& call, GradientWrite write) const {
  RunReport run = run_call(backend, call, write);
  for (const std::string& problem : run.problems)
    that(false, fmt::format("{}: {}: {}", backend.name(), call.describe(), problem));
  if (run.problems.empty()) that(true, {});
  return std::move(run.values);
}

std::vector<Tensor> Checker::operator()(Backend& backend, const Call& call) const {
  if (call.accumulates) report(backend, accumulating(call), GradientWrite::accumulate);
  return overwriting(backend, call);
}

std::vector<Tensor> Checker::overwriting(Backend& backend, const Call& call) const {
  return report(backend, call, GradientWrite::overwrite);
}

void Checker::that(bool is_right, const std::string& message) const {
  sink_(is_right, name_ + ": " + message);
}

void Checker::refuses(const Backend& backend, const std::string& what,
                      const std::function<void()>& call) const {
  bool threw = false;
  try {
    call();
  } catch (const Error&) {
    threw = true;
  }
  that(threw, fmt::format("{}: {} is not refused", backend.name(), what));
}

}  // namespace xr::tests
