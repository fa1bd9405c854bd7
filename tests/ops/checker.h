// What the description of an operation checks with: it knows the case, and hands each result on.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/ops/call.h"

namespace xr::tests {

class Checker {
 public:
  /// Gets each result; the message names the case, the backend and what is wrong.
  using Sink = std::function<void(bool is_right, const std::string& message)>;

  /// `name`: of the case, "conv2d/padding_2".
  Checker(std::string name, Sink sink) : name_(std::move(name)), sink_(std::move(sink)) {}

  /// Holds a call against the oracle (harness.h); one that accumulates also with random contents before it.
  /// Returns what it wrote onto NaN, in the order of the operands.
  std::vector<Tensor> operator()(Backend& backend, const Call& call) const;
  /// The same, without accumulating.
  std::vector<Tensor> overwriting(Backend& backend, const Call& call) const;

  void that(bool is_right, const std::string& message) const;
  /// The call must throw xr::Error.
  void refuses(const Backend& backend, const std::string& what, const std::function<void()>& call) const;

 private:
  std::vector<Tensor> report(Backend& backend, const Call& call, GradientWrite write) const;

  std::string name_;
  Sink sink_;
};

}  // namespace xr::tests
