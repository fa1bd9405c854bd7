// What the engine does when a GPU fails, on the software GPU, which fails where XR_GPU_FAIL says: an Error that names the cause,
// memory given back, and the same results as ever afterwards, if the device can still be used.
#include <algorithm>
#include <set>
#include <sstream>

#include "engine/core/autograd.h"
#include "engine/core/captured_work.h"
#include "engine/ops/linear.h"
#include "engine/ops/mul.h"
#include "engine/ops/relu.h"
#include "engine/ops/sum.h"
#include "tests/child.h"
#include "tests/engine/support.h"

using namespace xr;
using namespace xr::engine;
using namespace xr::engine::test;

namespace {

Device failing_gpu() {
  return Device::parse("cuda");
}

/// Forward and backward, and the same recorded and replayed. `stage` says what is under way.
std::string step_on(const Device& gpu, std::string& stage) {
  stage = "inputs";
  const Tensor x = random_tensor({6, 8}, 1, gpu);
  Tensor weight = random_tensor({5, 8}, 2, gpu);
  weight.set_requires_grad(true);
  Tensor y;
  const auto work = [&] {
    weight.clear_grad();
    y = relu(linear(x, weight, {}));
    sum(mul(y, y)).backward();
  };
  std::string numbers;
  const auto append_results = [&] {
    for (const Tensor& tensor : {y, weight.grad()})
      for (const float value : tensor.to_host()) numbers += fmt::format("{:a} ", value);
  };
  stage = "step";
  work();
  append_results();
  stage = "recording";
  CapturedWork recorded(gpu, work);
  stage = "replay";
  recorded.replay();
  append_results();
  stage = "end";
  return numbers;
}

/// Up to four attempts at the step, a line each: the stage that was reached, bytes in use and reserved afterwards, the
/// results or the error.
std::string attempts() {
  std::string report;
  for (int attempt = 0; attempt < 4; ++attempt) {
    std::string stage = "start", result;
    try {
      const Device gpu = failing_gpu();
      result = step_on(gpu, stage);
    } catch (const Error& error) {
      result = error.what();
    }
    std::size_t in_use = 0, reserved = 0;
    try {
      CachingAllocator& memory = allocator(failing_gpu());
      memory.empty_cache();
      in_use = memory.statistics().bytes_in_use;
      reserved = memory.statistics().bytes_reserved;
    } catch (const Error&) {  // the device never opened
    }
    std::replace(result.begin(), result.end(), '\n', ' ');
    report += fmt::format("{} {} {} {}\n", stage, in_use, reserved, result);
    if (stage == "end") break;
  }
  return report;
}

/// Fills the memory with tensors, then frees them and asks for most of it at once.
std::string fill_memory() {
  const Device gpu = failing_gpu();
  std::vector<Tensor> filling;
  const std::string error = error_of([&] {
    for (int i = 0; i < 64; ++i) filling.push_back(Tensor::zeros({1 << 18}, {DType::f32, gpu, {}}));
  });
  const std::size_t held = filling.size();
  filling.clear();
  const std::string after = error_of([&] {
    (void)Tensor::zeros({13 << 17}, {DType::f32, gpu, {}}).to_host();
  });
  return fmt::format("{} tensors; {}; {}", held, error, after);
}

const tests::Rerun of_attempts{"attempts", attempts}, of_fill{"fill_memory", fill_memory};

struct Attempt {
  std::string stage, in_use, reserved, result;
};

std::vector<Attempt> attempts_with(const std::string& failure) {
  std::vector<Attempt> all;
  std::istringstream lines(tests::rerun("attempts", "XR_GPU_FAIL=" + failure));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    Attempt one;
    words >> one.stage >> one.in_use >> one.reserved >> std::ws;
    std::getline(words, one.result);
    all.push_back(one);
  }
  return all;
}

/// Lets the n-th call fail, for n = 1, 2, ..., as long as something fails. `pattern` has "N" and "M" for n and n + 1.
/// Returns the stages in which it failed.
std::set<std::string> fail_each_call(const std::string& pattern, const std::string& error, bool lasts) {
  const std::vector<Attempt> undisturbed = attempts_with("launch:1000000");
  REQUIRE(undisturbed.size() == 1);
  REQUIRE(undisturbed[0].stage == "end");
  std::set<std::string> stages;
  for (int n = 1; n < 200; ++n) {
    std::string failure = pattern;
    for (const auto& [letter, number] : {std::pair{'N', n}, {'M', n + 1}})
      if (const std::size_t at = failure.find(letter); at != std::string::npos)
        failure.replace(at, 1, std::to_string(number));
    const std::vector<Attempt> all = attempts_with(failure);
    INFO(failure);
    REQUIRE(!all.empty());
    if (all[0].stage == "end") {
      CHECK(n > 3);
      return stages;
    }
    stages.insert(all[0].stage);
    for (const Attempt& one : all) {
      INFO(one.stage << ": " << one.result);
      CHECK(one.in_use == "0");
      CHECK(one.reserved == "0");
      if (one.stage != "end") CHECK(one.result.find(error) != std::string::npos);
    }
    CHECK((all.back().stage == "end") != lasts);
    if (!lasts) CHECK(all.back().result == undisturbed[0].result);
  }
  FAIL("something fails at every call");
  return stages;
}

}  // namespace

// Two calls fail in a row: after the first one the allocator empties its cache and asks again.
TEST_CASE("an allocation that fails leaves nothing behind, and the next attempt works", "[software_gpu]") {
  const std::set<std::string> stages =
      fail_each_call("allocation:N,allocation:M", "out of memory on cuda:0", false);
  CHECK(stages.contains("inputs"));
  CHECK(stages.contains("step"));
  CHECK(stages.contains("recording"));
}

TEST_CASE("a launch that fails leaves nothing behind, and the next attempt works", "[software_gpu]") {
  const std::set<std::string> stages = fail_each_call("launch:N", "cudaErrorLaunchOutOfResources", false);
  CHECK(stages.contains("step"));
  CHECK(stages.contains("recording"));
}

TEST_CASE("a fault of a kernel is reported by every later call", "[software_gpu]") {
  CHECK(fail_each_call("fault:N", "a fault (injected)", true).contains("replay"));
}

TEST_CASE("a copy that fails is reported by every later call", "[software_gpu]") {
  CHECK(fail_each_call("copy:N", "an uncorrectable memory error (injected)", true).contains("step"));
}

TEST_CASE("a device that disappears is reported by every later call", "[software_gpu]") {
  const std::set<std::string> stages = fail_each_call("device:N", "the device has disappeared", true);
  for (const char* stage : {"inputs", "step", "recording", "replay"}) CHECK(stages.contains(stage));
}

TEST_CASE("memory that is full is reported with figures, and cached blocks make way", "[software_gpu]") {
  const std::string report = tests::rerun("fill_memory", "XR_GPU_MEMORY=8");
  INFO(report);
  CHECK(report.starts_with("8 tensors; out of memory on cuda:0: 1.0 MB asked for, 8.4 MB in use"));
  CHECK(report.ends_with("; no error"));
}
