// The description of an operation: its cases with their names, what is checked of them, and the shapes at which
// it is timed. tests/ops/<operation>.cpp holds one; the kernel tests, the gradient checks and `xrbench kernels`
// iterate over all of them.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "tests/ops/benchmark.h"
#include "tests/ops/call.h"
#include "tests/ops/checker.h"
#include "tests/ops/gradient_case.h"

namespace xr::tests {

template <class Consumer>
struct Case {
  std::string name;  ///< "padding_2"; --case selects it as "conv2d/padding_2"
  std::function<void(const Consumer&)> run;
};

/// A test with this title: it runs its cases one after another.
template <class Consumer>
struct Suite {
  std::string title;
  std::vector<Case<Consumer>> cases;
};

struct Operation {
  std::string name;  ///< of the file
  std::vector<Suite<Checker>> checks = {};
  std::vector<Suite<GradientSink>> gradients = {};
  std::function<void(Benchmarks&)> benchmarks = {};
};

/// One case of a suite for each entry of a list: entries have a name, run(consumer, entry) checks one.
template <class Consumer, class List, class Run>
[[nodiscard]] Suite<Consumer> suite_of(std::string title, const List& list, Run run) {
  Suite<Consumer> suite{std::move(title), {}};
  for (const auto& entry : list)
    suite.cases.push_back({entry.name, [run, entry](const Consumer& consumer) { run(consumer, entry); }});
  return suite;
}
template <class List, class Run>
[[nodiscard]] Suite<Checker> checks_of(std::string title, const List& list, Run run) {
  return suite_of<Checker>(std::move(title), list, std::move(run));
}
template <class List, class Run>
[[nodiscard]] Suite<GradientSink> gradients_of(std::string title, const List& list, Run run) {
  return suite_of<GradientSink>(std::move(title), list, std::move(run));
}

/// All operations, in the order of their files' names.
[[nodiscard]] const std::vector<Operation>& operations();

/// Whether a case "conv2d/padding_2" is among those that a selection ("conv2d/padding_2", "conv2d" or empty)
/// asks for.
[[nodiscard]] bool is_selected(const std::string& operation, const std::string& name,
                               const std::string& selection);
/// One run of `count` that together run all cases of every suite, with one case of a suite at least: run `index` of them.
struct Share {
  std::size_t index = 0, count = 1;
};
/// "3/8" is run 3, of 0 to 7. Throws Error if it is not of this form.
[[nodiscard]] Share parse_share(const std::string& text);
/// Whether case `index` of a suite with `cases` is in a share.
[[nodiscard]] bool is_in_share(std::size_t index, std::size_t cases, const Share& share);
/// The names of all cases of the checks or of the gradients, "conv2d/padding_2", each once.
[[nodiscard]] std::vector<std::string> check_names();
[[nodiscard]] std::vector<std::string> gradient_names();

}  // namespace xr::tests
