// How many blocks a grid-stride loop gets.
#include "kernels/cuda/device/grid.h"

#include <catch2/catch.hpp>

namespace xr::tests {

using kernels::simt::blocks_for;

TEST_CASE(
    "a grid-stride loop has a thread for each item, and at most 64 blocks for each of 148 multiprocessors") {
  CHECK(blocks_for(0, 256).x == 1);
  CHECK(blocks_for(256, 256).x == 1);
  CHECK(blocks_for(257, 256).x == 2);
  CHECK(blocks_for(1'000'000'000, 256).x == 64 * 148);
}

// Runs with XR_MAX_BLOCKS, in processes of their own (CMakeLists.txt).
TEST_CASE("a grid-stride loop with XR_MAX_BLOCKS=3", "[.]") {
  CHECK(blocks_for(257, 256).x == 2);
  CHECK(blocks_for(1'000'000, 256).x == 3);
}

TEST_CASE("a grid-stride loop with a bad XR_MAX_BLOCKS", "[.]") {
  CHECK_THROWS_WITH(blocks_for(1, 256), Catch::Contains("XR_MAX_BLOCKS is '3x'"));
}

}  // namespace xr::tests
