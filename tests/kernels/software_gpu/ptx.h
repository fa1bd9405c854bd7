// Runs PTX that a test writes: a kernel "test" of up to four pointers, whose body the test gives.
#pragma once

#include <catch2/catch.hpp>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/software_gpu/allocations.h"
#include "kernels/software_gpu/decode/decode.h"
#include "kernels/software_gpu/fault.h"
#include "kernels/software_gpu/launch.h"

namespace xr::tests {

using namespace xr::software_gpu;

/// Memory that kernels may access.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(std::vector<T> values) : values_(std::move(values)) {
    allocations().add(begin(), values_.size() * sizeof(T));
  }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  ~DeviceArray() { allocations().remove(begin()); }

  [[nodiscard]] u64 begin() const { return reinterpret_cast<u64>(values_.data()); }
  [[nodiscard]] const std::vector<T>& values() const { return values_; }

 private:
  std::vector<T> values_;
};

/// The module: %r0 is the thread's number in the grid, %rd0 to %rd3 are the pointers.
inline std::string module_of(const std::string& body, const std::string& before_entry = "") {
  return R"(.version 9.0
.target sm_90a
.address_size 64
)" + before_entry +
         R"(
.visible .entry test(
	.param .u64 test_param_0,
	.param .u64 test_param_1,
	.param .u64 test_param_2,
	.param .u64 test_param_3
)
.maxntid 1024
{
	.reg .pred %p<20>;
	.reg .b16 %rs<20>;
	.reg .b32 %r<40>;
	.reg .f32 %f<40>;
	.reg .b64 %rd<40>;
	.reg .f64 %fd<20>;
	ld.param.u64 %rd0, [test_param_0];
	ld.param.u64 %rd1, [test_param_1];
	ld.param.u64 %rd2, [test_param_2];
	ld.param.u64 %rd3, [test_param_3];
	mov.u32 %r1, %tid.x;
	mov.u32 %r2, %ctaid.x;
	mov.u32 %r3, %ntid.x;
	mad.lo.s32 %r0, %r2, %r3, %r1;
)" + body +
         "\n\tret;\n}\n";
}

/// Runs a module's kernel "test".
inline void run_module(const std::string& module, const std::vector<u64>& pointers, u32 blocks, u32 threads,
                       u32 dynamic_shared = 0) {
  const std::unique_ptr<Kernel> kernel = decode(module, "test");
  Launch launch{.kernel = kernel.get(),
                .grid = {blocks, 1, 1},
                .block = {threads, 1, 1},
                .dynamic_shared = dynamic_shared,
                .parameters = std::vector<u8>(kernel->parameter_bytes)};
  std::memcpy(launch.parameters.data(), pointers.data(), 8 * std::min<std::size_t>(4, pointers.size()));
  execute(launch);
}

template <class T>
std::string type_name() {
  if constexpr (std::is_floating_point_v<T>) return sizeof(T) == 4 ? "f32" : "f64";
  return (std::is_signed_v<T> ? "s" : "u") + std::to_string(8 * sizeof(T));
}

/// A register for values of T, by its number.
template <class T>
std::string register_of(int number) {
  const char* const prefix = std::is_same_v<T, float>    ? "%f"
                             : std::is_same_v<T, double> ? "%fd"
                             : sizeof(T) <= 2            ? "%rs"
                             : sizeof(T) == 4            ? "%r"
                                                         : "%rd";
  return prefix + std::to_string(number);
}

template <class T>
std::string address_of(int pointer) {
  const std::string to = "%rd" + std::to_string(20 + pointer);
  return "\tmad.wide.u32 " + to + ", %r0, " + std::to_string(sizeof(T)) + ", %rd" + std::to_string(pointer) +
         ";\n";
}

template <class T>
std::string load(int pointer) {
  return address_of<T>(pointer) + "\tld.global." + type_name<T>() + " " + register_of<T>(10 + pointer) +
         ", [%rd" + std::to_string(20 + pointer) + "];\n";
}

/// The results of "instruction d, a, b, c;" for each element: %*10 is the destination, %*11 to %*13 are the sources.
template <class D, class... S>
std::vector<D> run_instruction(const std::string& instruction, const std::vector<S>&... sources) {
  const std::size_t count = std::max({sources.size()...});
  const std::size_t threads = (count + 1023) / 1024 * 1024;
  std::string body, operands = register_of<D>(10);
  int pointer = 0;
  ((++pointer, body += load<S>(pointer), operands += ", " + register_of<S>(10 + pointer)), ...);
  body += "\t" + instruction + " " + operands + ";\n" + address_of<D>(0) + "\tst.global." + type_name<D>() +
          " [%rd20], " + register_of<D>(10) + ";\n";
  DeviceArray<D> result{std::vector<D>(threads)};
  const auto padded = [&](auto values) {
    values.resize(threads, values.back());
    return values;
  };
  const auto run = [&](const auto&... arrays) {
    run_module(module_of(body), {result.begin(), arrays.begin()...}, static_cast<u32>(threads / 1024), 1024);
  };
  run(DeviceArray<S>(padded(sources))...);
  return {result.values().begin(), result.values().begin() + static_cast<std::ptrdiff_t>(count)};
}

/// Equal bits; every NaN is as good as another.
template <class T>
bool same(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
    return a == b && std::signbit(a) == std::signbit(b);
  } else {
    return a == b;
  }
}

/// Runs the instruction and compares with its definition, a function of the sources.
template <class D, class F, class... S>
void check(const std::string& instruction, F&& definition, const std::vector<S>&... sources) {
  const std::vector<D> results = run_instruction<D>(instruction, sources...);
  std::size_t wrong = 0, first = 0;
  for (std::size_t i = results.size(); i-- > 0;)
    if (!same<D>(results[i], definition(sources[i]...))) ++wrong, first = i;
  std::string values;
  ((values += " " + Catch::Detail::stringify(sources[first])), ...);
  INFO(instruction << " of" << values << " is " << results[first] << ", defined as "
                   << definition(sources[first]...) << "; wrong for " << wrong << " of " << results.size());
  CHECK(wrong == 0);
}

/// Numbers at the edges of T, and random ones.
template <class T>
std::vector<T> edge_values() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> values;
  if constexpr (std::is_floating_point_v<T>) {
    const T eps = Limits::epsilon();
    for (const T x : {T{0},
                      Limits::denorm_min(),
                      3 * Limits::denorm_min(),
                      Limits::min() - Limits::denorm_min(),
                      Limits::min(),
                      T(1) - eps / 2,
                      T(1),
                      T(1) + eps,
                      T(0.5),
                      T(1.5),
                      T(2),
                      T(2.5),
                      T(3),
                      T(127.5),
                      T(255),
                      T(256.5),
                      T(32767.5),
                      T(65535.5),
                      T(2147483520.0),
                      T(2147483647.5),
                      T(2147483648.0),
                      T(4294967040.0),
                      T(4294967296.0),
                      T(9.223372036854775e18),
                      T(1.8446744073709552e19),
                      T(1e-30),
                      T(1e30),
                      Limits::max(),
                      Limits::infinity(),
                      Limits::quiet_NaN()}) {
      values.push_back(x);
      values.push_back(-x);
    }
  } else {
    for (int shift = 0; shift < static_cast<int>(8 * sizeof(T)); ++shift)
      for (const int add : {-1, 0, 1})
        values.push_back(static_cast<T>((u64{1} << shift) + static_cast<u64>(add)));
    for (const T x : {T(0), Limits::max(), Limits::min(), static_cast<T>(-1), static_cast<T>(-2)})
      values.push_back(x);
  }
  u64 state = 88172645463325252;  // xorshift64
  for (int i = 0; i < 100; ++i) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    T value;
    std::memcpy(&value, &state, sizeof(value));
    values.push_back(value);
  }
  return values;
}

/// Every number of 16 bits; edge_values of wider types.
template <class T>
std::vector<T> all_values() {
  if constexpr (sizeof(T) > 2) return edge_values<T>();
  std::vector<T> values(65536);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<T>(i);
  return values;
}

/// What all_values are paired with: every pair of 16 bits would take minutes.
template <class T>
std::vector<T> partner_values() {
  if constexpr (sizeof(T) > 2) return edge_values<T>();
  std::vector<T> values;
  for (const int value : {0, 1, 2, 3, 10, 255, 256, 32766, 32767, 32768, 32769, 65534, 65535})
    values.push_back(static_cast<T>(value));
  return values;
}

/// Calls f with every pair of two lists, as two lists of the same length.
template <class A, class B, class F>
void with_pairs(const std::vector<A>& a, const std::vector<B>& b, F&& f) {
  std::vector<A> first;
  std::vector<B> second;
  for (const A& x : a)
    for (const B& y : b) first.push_back(x), second.push_back(y);
  f(first, second);
}

}  // namespace xr::tests
