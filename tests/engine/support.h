// Shared by the tests of the engine and of the networks: tensors with random numbers, errors, temporary
// files.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "engine/core/tensor.h"
#include "kernels/common/random.h"

namespace xr::engine::test {

namespace fs = std::filesystem;

/// What `action` throws as Error, or "no error".
template <class Action>
std::string error_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

inline Tensor values(std::initializer_list<float> numbers, const Shape& shape) {
  return Tensor::from_host(std::span<const float>(numbers.begin(), numbers.size()), shape);
}

inline Tensor labels(const std::vector<std::int64_t>& numbers) {
  return Tensor::from_host(std::span<const std::int64_t>(numbers),
                           {static_cast<std::int64_t>(numbers.size())});
}

/// Normal numbers; `number` tells the tensors of one test apart.
inline Tensor random_tensor(const Shape& shape, std::uint64_t number, const Device& device = {}) {
  Philox random(20240603, number);
  std::vector<float> numbers(static_cast<std::size_t>(shape.numel()));
  for (float& value : numbers) value = random.normal();
  return Tensor::from_host(std::span<const float>(numbers), shape, device);
}

inline Tensor random_leaf(const Shape& shape, std::uint64_t number) {
  return random_tensor(shape, number).set_requires_grad(true);
}

/// ||actual - expected|| / ||expected||, or ||actual - expected|| where nothing but zeros is expected. NaN if
/// anything is NaN, infinite if the numbers of elements differ: check it with `error <= tolerance`.
template <class A, class B>
double relative_error(const std::vector<A>& actual, const std::vector<B>& expected) {
  if (actual.size() != expected.size() || actual.empty()) return HUGE_VAL;
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const auto a = static_cast<double>(actual[i]), b = static_cast<double>(expected[i]);
    difference += (a - b) * (a - b);
    norm += b * b;
  }
  return std::sqrt(difference / (norm > 0 ? norm : 1.0));
}

inline double relative_error(const Tensor& actual, const Tensor& expected) {
  if (actual.shape() != expected.shape()) return HUGE_VAL;
  return relative_error(actual.to_host(), expected.to_host());
}

/// Whether both hold the same bytes, in logical order.
inline bool same_bytes(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return false;
  if (a.dtype() == DType::i64) return a.to_host_i64() == b.to_host_i64();
  const std::vector<float> left = a.to_host(), right = b.to_host();
  return std::equal(left.begin(), left.end(), right.begin(), [](float x, float y) {
    return std::bit_cast<std::uint32_t>(x) == std::bit_cast<std::uint32_t>(y);  // also of NaN
  });
}

/// A fresh folder, removed at the end of the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (fs::temp_directory_path() / "xr_engine_test_XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw Error("cannot make a temporary folder");
    path_ = pattern;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code code;
    fs::remove_all(path_, code);
  }
  [[nodiscard]] const fs::path& path() const { return path_; }
  [[nodiscard]] fs::path operator/(const fs::path& name) const { return path_ / name; }

 private:
  fs::path path_;
};

inline std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline void write_file(const fs::path& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << bytes;
  if (!file.flush()) throw Error(fmt::format("cannot write {}", path.string()));
}

/// Names of the files in a folder, sorted.
inline std::vector<std::string> file_names(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace xr::engine::test
