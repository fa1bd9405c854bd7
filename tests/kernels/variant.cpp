// Which kernels BackendOptions::variant means.
#include "kernels/cuda/variant.h"

#include <catch2/catch.hpp>

using xr::kernels::is_member;

TEST_CASE("a variant names a kernel or its family, and nothing that only begins or contains it") {
  CHECK(is_member("direct", "direct"));
  CHECK(is_member("halo_tile_128x64", "halo_tile"));
  CHECK(is_member("implicit_gemm_pipelined_64x64", "implicit_gemm"));
  CHECK(is_member("implicit_gemm_pipelined_64x64", "implicit_gemm_pipelined"));
  CHECK_FALSE(is_member("implicit_gemm_pipelined_64x64", "gemm"));
  CHECK_FALSE(is_member("implicit_gemm_pipelined_64x64", "implicit_gemm_pipe"));
  CHECK_FALSE(is_member("halo_tile", "halo_tile_128x64"));
  CHECK_FALSE(is_member("direct", "few_channels"));
}
