// Indices beyond 32 bits, which no tensor of a test has.
#include "kernels/cuda/index_division.h"

#include <catch2/catch.hpp>

#include <limits>

namespace xr::tests {

using kernels::simt::divide;

TEST_CASE("an index is divided exactly up to 2^53") {
  constexpr std::int64_t largest = (std::int64_t{1} << 53) - 1;
  constexpr int last = std::numeric_limits<int>::max();
  for (const int extent : {1, 2, 3, 7, 10, 224, 641, 65'535, 65'536, 1'000'003, last - 1, last}) {
    for (int bits = 0; bits <= 53; ++bits) {
      // The multiples of the extent around each power of two, and their neighbours.
      const std::int64_t multiple = (std::int64_t{1} << bits) / extent * extent;
      for (const std::int64_t step : {std::int64_t{-extent}, std::int64_t{0}, std::int64_t{extent}})
        for (const std::int64_t neighbour : {-1, 0, 1}) {
          const std::int64_t index = multiple + step + neighbour;
          if (index < 0 || index > largest) continue;
          CAPTURE(index, extent);
          const auto [quotient, remainder] = divide(index, extent);
          CHECK((quotient == index / extent && remainder == index % extent));
        }
    }
    CHECK(divide(largest, extent).quotient == largest / extent);
  }
}

}  // namespace xr::tests
