// `xrbench reduction`: the bytes that the ordered sum sends are those of the model.
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "apps/mpi/process_ranks.h"

namespace xr::apps::test {

namespace {

using Catch::Matchers::Contains;

std::string output_of(const std::string& command, int status) {
  std::string output;
  FILE* const pipe = ::popen((command + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  for (int character = 0; (character = std::fgetc(pipe)) != EOF;) output += static_cast<char>(character);
  CHECK(::pclose(pipe) / 256 == status);
  return output;
}

}  // namespace

TEST_CASE("xrbench reduction needs several ranks, and sends as many bytes as the model says") {
  const std::string program = XR_BENCH_PROGRAM;
  CHECK_THAT(output_of(program + " reduction", 2), Contains("start it with mpirun -n 2 xrbench reduction"));
  if (mpi::library().empty() || std::system(("command -v " + mpi::launcher() + " >/dev/null").c_str()) != 0) {
    WARN("not tested: this build has no MPI, or there is no mpiexec (install libopenmpi-dev, openmpi-bin)");
    return;
  }
  const std::string output = output_of(
      "ASAN_OPTIONS=detect_leaks=0 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 "
      "OMPI_MCA_rmaps_base_oversubscribe=1 "
      "OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_btl_vader_single_copy_mechanism=none "
      "PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe PRTE_MCA_hwloc_default_binding_policy=none " +
          mpi::launcher() + " -n 4 " + program + " reduction --megabytes 1 --megabytes 2 --repetitions 1",
      0);
  INFO(output);
  CHECK_THAT(output, Contains("4 ranks on ") && Contains("| 1.50 | 1.50 |") && Contains("| 3.00 | 3.00 |"));
}

}  // namespace xr::apps::test
