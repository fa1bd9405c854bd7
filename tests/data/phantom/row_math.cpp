#include "data/phantom/row_math.h"

#include "kernels/common/random.h"

#include <catch2/catch.hpp>

#include <bit>
#include <cmath>
#include <vector>

using namespace xr;
using namespace xr::data::phantom;

namespace {

/// How many results have other bits than those of the library.
template <class Row, class Library>
int differences(const std::vector<float>& x, Row&& row, Library&& library) {
  std::vector<float> result(x.size());
  row(x.data(), result.data(), static_cast<int>(x.size()));
  int count = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    if (std::bit_cast<std::uint32_t>(result[i]) != std::bit_cast<std::uint32_t>(library(x[i]))) ++count;
  return count;
}

std::vector<float> numbers(float low, float high, std::size_t count) {
  Philox random(4, 2);
  std::vector<float> result(count);
  for (float& value : result) value = random.uniform(low, high);
  return result;
}

}  // namespace

TEST_CASE("functions of rows are those of the library to the last bit") {
  const std::size_t count = GENERATE(1u, 7u, 64u, 65u, 200001u);
  const auto exp_of = [](float x) { return std::exp(x); };
  const auto sin_of = [](float x) { return std::sin(x); };
  CHECK(differences(numbers(-12, 12, count), exp_row, exp_of) == 0);
  CHECK(differences(numbers(-1e-3f, 1e-3f, count), exp_row, exp_of) == 0);
  CHECK(differences({0.0f, -0.0f, 90.0f, -90.0f, -120.0f, 1e9f}, exp_row, exp_of) == 0);
  CHECK(differences(numbers(-7, 7, count), sin_row, sin_of) == 0);
  CHECK(differences({0.0f, 3.1415927f, 1.5707964f, 6.2831855f, 1e-30f, 50.0f}, sin_row, sin_of) == 0);
  for (const float exponent : {0.3f, 0.5f}) {
    const auto row = [&](const float* x, float* result, int n) { pow_row(x, exponent, result, n); };
    const auto pow_of = [&](float x) { return std::pow(x, exponent); };
    CHECK(differences(numbers(0, 1, count), row, pow_of) == 0);
    CHECK(differences({0.0f, 1.0f, 1e-6f, 1e-3f, 0.99999994f}, row, pow_of) == 0);
  }
}

TEST_CASE("normal numbers of rows are those of Philox") {
  constexpr int count = 100001;
  Philox random(9, 1), same(9, 1);
  std::vector<std::uint32_t> words(2 * count);
  for (std::uint32_t& word : words) word = random.next_u32();
  std::vector<float> result(count);
  normal_row(words.data(), result.data(), count);
  int different = 0;
  for (const float value : result)
    if (value != same.normal()) ++different;
  CHECK(different == 0);
  // The ends of what a word can be.
  const std::uint32_t ends[] = {0, 0, 0xffffffff, 0x40000000, 0xffffffff, 0xffffffff, 1, 0xc0000000};
  normal_row(ends, result.data(), 4);
  for (int i = 0; i < 4; ++i) CHECK(std::isfinite(result[i]));
  CHECK(result[1] == 0.0f);
}
