#include "tests/kernels/harness.h"

#include <bit>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <sstream>

#include "kernels/cpu/parallel.h"
#include "tests/kernels/configured.h"

#if defined(__SANITIZE_ADDRESS__)
#define XR_HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define XR_HAS_ASAN 1
#endif
#endif
#if defined(XR_HAS_ASAN)
#include <sanitizer/asan_interface.h>
#endif

namespace xr::tests {

namespace {

constexpr std::size_t guard_bytes = 256;  // a multiple of the 64-byte alignment

Backend& configured_backend(const std::string& name) {
  Backend& backend = kernels::backend(kernels::Device::parse(name));
  backend.configure(default_options(backend));
  return backend;
}

std::vector<Backend*> find_backends() {
  std::vector<Backend*> found;
  if (const char* names = std::getenv("XR_TEST_BACKENDS"); names != nullptr && *names != '\0') {
    std::istringstream list(names);
    for (std::string name; std::getline(list, name, ',');) found.push_back(&configured_backend(name));
    return found;
  }
  for (const char* name : {"cpu", "simt", "cuda"}) try {
      found.push_back(&configured_backend(name));
    } catch (const Error& error) {
      WARN("not tested: " << name << ": " << error.what());
    }
  return found;
}

/// Calls visit(logical index, index in memory) for all elements.
template <class Visit>
void for_each_position(const View& view, Visit&& visit) {
  const Shape& s = view.shape;
  if (view.layout == Layout::contiguous) {
    for (std::int64_t i = 0; i < s.numel(); ++i) visit(i, i);
    return;
  }
  std::int64_t i = 0;
  for (std::int64_t n = 0; n < s[0]; ++n)
    for (std::int64_t c = 0; c < s[1]; ++c)
      for (std::int64_t h = 0; h < s[2]; ++h) {
        const std::int64_t row = kernels::offset_of(view.layout, s, n, c, h, 0);
        const std::int64_t step = s[3] > 1 ? kernels::offset_of(view.layout, s, n, c, h, 1) - row : 0;
        for (std::int64_t w = 0; w < s[3]; ++w) visit(i++, row + w * step);
      }
}

template <class T>
void store(std::byte* data, std::int64_t position, T value) {
  std::memcpy(data + static_cast<std::size_t>(position) * sizeof(T), &value, sizeof(T));
}

template <class T>
T load(const std::byte* data, std::int64_t position) {
  T value;
  std::memcpy(&value, data + static_cast<std::size_t>(position) * sizeof(T), sizeof(T));
  return value;
}

template <class Visit>
void with_element_type(DType dtype, Visit&& visit) {
  struct Bf16 {
    std::uint16_t bits;
    static Bf16 from(double value) {
      const double held = rounded(value, DType::bf16);
      return {static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(static_cast<float>(held)) >> 16)};
    }
    explicit operator double() const {
      return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16));
    }
  };
  switch (dtype) {
    case DType::f32:
      return visit([](double value) { return static_cast<float>(value); });
    case DType::bf16:
      return visit(Bf16::from);
    case DType::i64:
      return visit([](double value) { return static_cast<std::int64_t>(value); });
    case DType::i32:
      return visit([](double value) { return static_cast<std::int32_t>(value); });
    case DType::u8:
      return visit([](double value) { return static_cast<std::uint8_t>(value); });
  }
}

/// The values of a tensor that lies in memory as `view` says, in logical order.
Tensor decode(const View& view, const std::vector<std::byte>& bytes) {
  Tensor values(view.shape);
  with_element_type(view.dtype, [&](auto convert) {
    using Element = decltype(convert(0.0));
    for_each_position(view, [&](std::int64_t i, std::int64_t position) {
      values[i] = static_cast<double>(load<Element>(bytes.data(), position));
    });
  });
  return values;
}

}  // namespace

const std::vector<Backend*>& test_backends() {
  static const std::vector<Backend*> found = find_backends();
  XR_CHECK(!found.empty(), "no backend to test: build one, or name one in XR_TEST_BACKENDS");
  return found;
}

namespace {

bool is_cpu(const Backend& backend) {
  return backend.name() == "cpu";
}

}  // namespace

std::vector<DType> test_types() {
  if (test_backends(DType::bf16).empty()) return {DType::f32};
  return {DType::f32, DType::bf16};
}

std::vector<Backend*> test_backends(DType dtype) {
  std::vector<Backend*> found = test_backends();
  if (dtype == DType::bf16) std::erase_if(found, [](const Backend* backend) { return is_cpu(*backend); });
  return found;
}

bool is_fast_enough(const Backend& backend, std::int64_t elements) {
  return backend.name() != "simt" || elements <= 400000;
}

std::vector<Layout> layouts_of(const Backend& backend, const Shape& shape) {
  std::vector<Layout> layouts = layouts_of(shape);
  if (!is_cpu(backend)) std::erase(layouts, Layout::blocked16);
  return layouts;
}

std::vector<Layout> layouts_of(const Shape& shape) {
  if (shape.rank() != 4) return {Layout::contiguous};
  if (shape[1] % 16 != 0) return {Layout::contiguous, Layout::channels_last};
  return {Layout::contiguous, Layout::channels_last, Layout::blocked16};
}

GuardedBuffer::GuardedBuffer(Backend& backend, const Shape& shape, DType dtype, Layout layout,
                             std::size_t shift)
    : backend_(backend), guards_(2 * guard_bytes) {
  view_.shape = shape;
  view_.dtype = dtype;
  view_.layout = layout;
  data_bytes_ = view_.bytes();
  // NaN as f32 and different in every word, so that reading a guard spoils a result and copying one is seen.
  Philox random(7, reinterpret_cast<std::uintptr_t>(this));
  for (std::size_t word = 0; word < guards_.size() / 4; ++word)
    store(guards_.data(), static_cast<std::int64_t>(word), 0x7FC00000u | random.next_u32() | 1u);
  all_bytes_ = data_bytes_ + guards_.size() + shift;
  memory_ = static_cast<std::byte*>(backend_.allocate(all_bytes_));
  view_.data = memory_ + guard_bytes + shift;
  backend_.copy_from_host(memory_, guards_.data(), guard_bytes);
  backend_.copy_from_host(end_of_data(), guards_.data() + guard_bytes, guard_bytes);
  backend_.synchronize();
  hide_guards(true);
}

GuardedBuffer::~GuardedBuffer() {
  hide_guards(false);
  backend_.deallocate(memory_, all_bytes_);
}

// AddressSanitizer then stops at a read of a guard, too, if the memory is the host's.
void GuardedBuffer::hide_guards([[maybe_unused]] bool hidden) const {
#if defined(XR_HAS_ASAN)
  if (backend_.name().starts_with("cuda")) return;
  for (const std::byte* zone : {memory_, end_of_data()}) {
    if (hidden)
      ASAN_POISON_MEMORY_REGION(zone, guard_bytes);
    else
      ASAN_UNPOISON_MEMORY_REGION(zone, guard_bytes);
  }
#endif
}

void GuardedBuffer::write(const Tensor& values) {
  XR_CHECK(values.shape == view_.shape, "values of shape {} for a buffer of shape {}",
           values.shape.to_string(), view_.shape.to_string());
  std::vector<std::byte> host(data_bytes_);
  with_element_type(view_.dtype, [&](auto convert) {
    for_each_position(view_, [&](std::int64_t i, std::int64_t position) {
      store(host.data(), position, convert(values[i]));
    });
  });
  backend_.copy_from_host(view_.data, host.data(), host.size());
  backend_.synchronize();
}

void GuardedBuffer::poison() {
  const std::vector<std::byte> host(data_bytes_, std::byte{0xFF});
  backend_.copy_from_host(view_.data, host.data(), host.size());
  backend_.synchronize();
}

std::vector<std::byte> GuardedBuffer::bytes() const {
  std::vector<std::byte> host(data_bytes_);
  backend_.copy_to_host(host.data(), view_.data, host.size());
  return host;
}

Tensor GuardedBuffer::read() const {
  return decode(view_, bytes());
}

std::string GuardedBuffer::guard_damage() const {
  std::vector<std::byte> now(guards_.size());
  hide_guards(false);
  backend_.copy_to_host(now.data(), memory_, guard_bytes);
  backend_.copy_to_host(now.data() + guard_bytes, end_of_data(), guard_bytes);
  hide_guards(true);
  for (std::size_t i = guard_bytes; i-- > 0;)
    if (now[i] != guards_[i]) return fmt::format("byte {} before the data was overwritten", guard_bytes - i);
  for (std::size_t i = guard_bytes; i < now.size(); ++i)
    if (now[i] != guards_[i])
      return fmt::format("byte {} after the data was overwritten", i - guard_bytes + 1);
  return {};
}

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
  explicit ThreadCount(int count) : before_(kernels::cpu::thread_count()) {
    kernels::cpu::set_thread_count(count);
  }
  ~ThreadCount() { kernels::cpu::set_thread_count(before_); }
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
