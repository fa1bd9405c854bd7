#include "tests/ops/harness.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "kernels/common/parallel.h"
#include "tests/ops/configured.h"
#include "tests/ops/guarded_buffer.h"
#include "tests/ops/test_backends.h"
#include "tests/reference/gradient_check.h"

namespace xr::tests {

namespace {

/// One run with fresh buffers: what it wrote, and what is wrong with guards and inputs.
struct SingleRun {
  std::vector<View> views;  // of what was written: how the bytes lie; their memory is gone
  std::vector<std::vector<std::byte>> bytes;
  std::vector<std::string> problems;
};

/// What one check runs.
struct Trial {
  Backend& backend;
  const Call& call;
  GradientWrite write;
  std::vector<const Operand*> written = {};

  Trial(Backend& backend_in, const Call& call_in, GradientWrite write_in)
      : backend(backend_in), call(call_in), write(write_in) {
    for (const Operand& operand : call.operands)
      if (operand.is_written()) written.push_back(&operand);
  }
};

void fill(GuardedBuffer& buffer, const Call& call, const Operand& operand) {
  if (operand.contents) return buffer.write(*operand.contents);
  XR_CHECK(operand.is_written() && operand.role != Role::state,
           "{}: nothing was said about the contents of {}", call.name, operand.name);
  buffer.poison();
}

/// Which operands begin where no vector may.
enum class Shifted { none, all, results };

SingleRun run_once(const Trial& trial, Shifted shifted = Shifted::none) {
  const Call& call = trial.call;
  std::vector<std::unique_ptr<GuardedBuffer>> buffers;
  std::vector<std::vector<std::byte>> before;
  std::vector<View> views;
  for (const Operand& operand : call.operands) {
    const bool moved = shifted == Shifted::all || (shifted == Shifted::results && operand.is_written());
    const std::size_t shift = moved ? std::max<std::size_t>(4, size_of(operand.dtype)) : 0;
    buffers.emplace_back();
    before.emplace_back();
    views.emplace_back();
    if (!operand.defined && !operand.is_written()) continue;
    buffers.back() =
        std::make_unique<GuardedBuffer>(trial.backend, operand.shape, operand.dtype, operand.layout, shift);
    fill(*buffers.back(), call, operand);
    if (operand.is_read_only()) before.back() = buffers.back()->bytes();
    if (operand.defined) views.back() = buffers.back()->view();
  }

  call.run(trial.backend, views, trial.write);
  trial.backend.synchronize();

  SingleRun run;
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    if (!buffers[i]) continue;
    const Operand& operand = call.operands[i];
    if (const std::string damage = buffers[i]->guard_damage(); !damage.empty())
      run.problems.push_back(fmt::format("{}: {}", operand.name, damage));
    if (operand.is_read_only() && buffers[i]->bytes() != before[i])
      run.problems.push_back(fmt::format("{}: the input was changed", operand.name));
    if (!operand.is_written()) continue;
    run.views.push_back(buffers[i]->view());
    run.bytes.push_back(buffers[i]->bytes());
  }
  return run;
}

void compare_bytes(const Trial& trial, const SingleRun& first, const SingleRun& second,
                   const std::string& what, std::vector<std::string>& problems) {
  for (std::size_t i = 0; i < first.bytes.size(); ++i)
    if (first.bytes[i] != second.bytes[i])
      problems.push_back(fmt::format("{}: other bytes {}", trial.written[i]->name, what));
}

/// Returns the values of what was written.
std::vector<Tensor> compare_values(const Trial& trial, const SingleRun& run, const std::string& what,
                                   std::vector<std::string>& problems) {
  std::vector<Tensor> values;
  for (std::size_t i = 0; i < run.bytes.size(); ++i) {
    const Operand& operand = *trial.written[i];
    values.push_back(decode(run.views[i], run.bytes[i]));
    if (operand.role == Role::kept || !operand.defined) continue;
    XR_CHECK(operand.expected, "{}: nothing was said about what {} must be", trial.call.name, operand.name);
    if (const std::string difference = compare(values[i], *operand.expected); !difference.empty())
      problems.push_back(fmt::format("{}{}: {}", operand.name, what, difference));
  }
  return values;
}

/// Sets the number of threads of the cpu backend while it lives.
class ThreadCount {
 public:
  explicit ThreadCount(int count) : before_(kernels::thread_count()) { kernels::set_thread_count(count); }
  ~ThreadCount() { kernels::set_thread_count(before_); }
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;

 private:
  int before_;
};

bool is_small(const Call& call) {
  std::int64_t elements = 0;
  for (const Operand& operand : call.operands) elements += operand.shape.numel();
  return elements <= 20000;
}

}  // namespace

RunReport run_call(Backend& backend, const Call& call, GradientWrite write) {
  const Trial trial(backend, call, write);
  const SingleRun first = run_once(trial);
  RunReport report{{}, first.problems};
  report.values = compare_values(trial, first, "", report.problems);
  compare_bytes(trial, first, run_once(trial), "in a second run", report.problems);
  if (!is_cpu(backend)) {
    if (!call.any_address || !is_small(call)) return report;
    const auto check_shifted = [&](Shifted which, const std::string& what) {
      const SingleRun shifted = run_once(trial, which);
      for (const std::string& problem : shifted.problems) report.problems.push_back(problem + what);
      compare_values(trial, shifted, what, report.problems);
    };
    check_shifted(Shifted::all, " where addresses are no multiples of 8");
    // Products choose their kernels by the addresses of the operands alone.
    if (call.is_product) check_shifted(Shifted::results, " where results' addresses are no multiples of 8");
    return report;
  }
  for (const int threads : {1, 3}) {
    const ThreadCount limit(threads);
    const SingleRun other = run_once(trial);
    const std::string what = fmt::format(" with {} threads", threads);
    for (const std::string& problem : other.problems) report.problems.push_back(problem + what);
    if (call.same_for_any_threads)
      compare_bytes(trial, first, other, what.substr(1), report.problems);
    else
      compare_values(trial, other, what, report.problems);
  }
  return report;
}

Call accumulating(const Call& call) {
  Call sum = call;
  sum.detail += sum.detail.empty() ? "accumulate" : ", accumulate";
  std::uint64_t number = 1000;
  for (Operand& operand : sum.operands) {
    if (!operand.is_written()) continue;
    XR_CHECK(operand.role == Role::output && operand.expected && !operand.contents,
             "{}: {} cannot be accumulated", call.name, operand.name);
    Expected& expected = *operand.expected;
    const double size =
        expected.magnitude > 0 ? expected.magnitude : reference::root_mean_square(expected.values);
    Tensor initial = reference::random_normal(expected.values.shape, number++, 0, size > 0 ? size : 1);
    if (expected.dtype == DType::bf16) {
      initial = with_bf16_nan(to_operand(initial, Precision::bf16), DType::bf16);
      // NaN hides the size of the sums.
      if (!(expected.magnitude > 0)) expected.magnitude = std::isfinite(size) ? size : 1;
    }
    for (std::int64_t j = 0; j < initial.size(); ++j) expected.values[j] += initial[j];
    operand.contents = std::make_shared<const Tensor>(std::move(initial));
  }
  return sum;
}

}  // namespace xr::tests
