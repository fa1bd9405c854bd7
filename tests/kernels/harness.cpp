#include "tests/kernels/harness.h"

#include <catch2/catch.hpp>
#include <memory>

#include "kernels/common/parallel.h"
#include "tests/kernels/configured.h"
#include "tests/kernels/guarded_buffer.h"

namespace xr::tests {

namespace {

using Buffers = std::vector<std::unique_ptr<GuardedBuffer>>;

/// One call with fresh buffers: its outputs, and what is wrong with guards and inputs.
struct SingleRun {
  std::vector<View> views;  // how the bytes lie; their memory is gone
  std::vector<std::vector<std::byte>> bytes;
  std::vector<std::string> problems;
};

SingleRun run_once(const Operation& operation, const std::function<void(Inputs, Outputs)>& call,
                   bool shifted = false) {
  const auto shift_of = [&](DType dtype) { return shifted ? std::max<std::size_t>(4, size_of(dtype)) : 0; };
  Buffers inputs, outputs;
  std::vector<ConstView> input_views;
  std::vector<View> output_views;
  std::vector<std::vector<std::byte>> input_bytes;
  for (const Input& input : operation.inputs) {
    input_views.emplace_back();
    if (!input.defined) continue;
    inputs.push_back(std::make_unique<GuardedBuffer>(operation.backend, input.values.shape, input.dtype,
                                                     input.layout, shift_of(input.dtype)));
    inputs.back()->write(input.values);
    input_bytes.push_back(inputs.back()->bytes());
    input_views.back() = inputs.back()->view();
  }
  for (const Output& output : operation.outputs) {
    outputs.push_back(std::make_unique<GuardedBuffer>(operation.backend, output.expected.values.shape,
                                                      output.expected.dtype, output.layout,
                                                      shift_of(output.expected.dtype)));
    if (output.initial)
      outputs.back()->write(*output.initial);
    else
      outputs.back()->poison();
    output_views.push_back(output.defined ? outputs.back()->view() : View{});
  }

  call(input_views, output_views);
  operation.backend.synchronize();

  SingleRun run;
  for (std::size_t i = 0, buffer = 0; i < operation.inputs.size(); ++i) {
    if (!operation.inputs[i].defined) continue;
    const std::string& name = operation.inputs[i].name;
    if (const std::string damage = inputs[buffer]->guard_damage(); !damage.empty())
      run.problems.push_back(fmt::format("{}: {}", name, damage));
    if (inputs[buffer]->bytes() != input_bytes[buffer])
      run.problems.push_back(fmt::format("{}: the input was changed", name));
    ++buffer;
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (const std::string damage = outputs[i]->guard_damage(); !damage.empty())
      run.problems.push_back(fmt::format("{}: {}", operation.outputs[i].name, damage));
    run.views.push_back(outputs[i]->view());
    run.bytes.push_back(outputs[i]->bytes());
  }
  return run;
}

void compare_bytes(const Operation& operation, const SingleRun& first, const SingleRun& second,
                   const std::string& what, std::vector<std::string>& problems) {
  for (std::size_t i = 0; i < first.bytes.size(); ++i)
    if (first.bytes[i] != second.bytes[i])
      problems.push_back(fmt::format("{}: other bytes {}", operation.outputs[i].name, what));
}

/// Returns the values of the outputs.
std::vector<Tensor> compare_values(const Operation& operation, const SingleRun& run, const std::string& what,
                                   std::vector<std::string>& problems) {
  std::vector<Tensor> values;
  for (std::size_t i = 0; i < run.bytes.size(); ++i) {
    const Output& output = operation.outputs[i];
    values.push_back(decode(run.views[i], run.bytes[i]));
    if (!output.compared || !output.defined) continue;
    if (const std::string difference = compare(values[i], output.expected); !difference.empty())
      problems.push_back(fmt::format("{}{}: {}", output.name, what, difference));
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

bool is_small(const Operation& operation) {
  std::int64_t elements = 0;
  for (const Input& input : operation.inputs) elements += input.values.size();
  for (const Output& output : operation.outputs) elements += output.expected.values.size();
  return elements <= 20000;
}

}  // namespace

RunReport run_operation(const Operation& operation, const std::function<void(Inputs, Outputs)>& call) {
  const SingleRun first = run_once(operation, call);
  RunReport report{{}, first.problems};
  report.values = compare_values(operation, first, "", report.problems);
  compare_bytes(operation, first, run_once(operation, call), "in a second run", report.problems);
  if (!is_cpu(operation.backend)) {
    if (!operation.any_address || !is_small(operation)) return report;
    const SingleRun shifted = run_once(operation, call, true);
    const std::string what = " where addresses are no multiples of 8";
    for (const std::string& problem : shifted.problems) report.problems.push_back(problem + what);
    compare_values(operation, shifted, what, report.problems);
    return report;
  }
  for (const int threads : {1, 3}) {
    const ThreadCount limit(threads);
    const SingleRun other = run_once(operation, call);
    const std::string what = fmt::format(" with {} threads", threads);
    for (const std::string& problem : other.problems) report.problems.push_back(problem + what);
    if (operation.same_for_any_threads)
      compare_bytes(operation, first, other, what.substr(1), report.problems);
    else
      compare_values(operation, other, what, report.problems);
  }
  return report;
}

std::vector<Tensor> check_operation(const Operation& operation,
                                    const std::function<void(Inputs, Outputs)>& call) {
  const RunReport report = run_operation(operation, call);
  for (const std::string& problem : report.problems)
    FAIL_CHECK(operation.backend.name() << ": " << operation.description << ": " << problem);
  if (report.problems.empty()) SUCCEED();
  return report.values;
}

std::vector<Tensor> check_gradient(const Operation& operation,
                                   const std::function<void(Inputs, Outputs, GradientWrite)>& call) {
  Operation accumulate = operation;
  accumulate.description += " (accumulate)";
  for (std::size_t i = 0; i < accumulate.outputs.size(); ++i) {
    Expected& expected = accumulate.outputs[i].expected;
    const double size =
        expected.magnitude > 0 ? expected.magnitude : reference::root_mean_square(expected.values);
    Tensor initial = random_normal(expected.values.shape, 1000 + i, 0, size > 0 ? size : 1);
    if (expected.dtype == DType::bf16) initial = to_operand(initial, kernels::Precision::bf16);
    for (std::int64_t j = 0; j < initial.size(); ++j) expected.values[j] += initial[j];
    accumulate.outputs[i].initial = initial;
  }
  check_operation(accumulate, [&](Inputs in, Outputs out) { call(in, out, GradientWrite::accumulate); });
  return check_operation(operation, [&](Inputs in, Outputs out) { call(in, out, GradientWrite::overwrite); });
}

Tensor to_single(Tensor values) {
  for (double& value : values.values) value = static_cast<double>(static_cast<float>(value));
  return values;
}

Tensor to_type(Tensor values, DType dtype) {
  for (double& value : values.values) value = rounded(value, dtype);
  return values;
}

std::string describe(const Shape& shape, Layout layout, DType dtype) {
  return fmt::format("{} {}{}", shape.to_string(), name_of(layout), dtype == DType::bf16 ? " bf16" : "");
}

}  // namespace xr::tests
