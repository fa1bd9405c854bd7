// In place of process_ranks.cpp where no MPI was found.
#include "apps/mpi/process_ranks.h"

#include "apps/mpi/launcher.h"

namespace xr::mpi {

std::string library() {
  return {};
}

std::string launcher() {
  return {};
}

std::unique_ptr<ProcessRanks> join_ranks(std::chrono::milliseconds /*deadline*/) {
  throw Error(
      fmt::format("this is rank {} of {}, but the program was built without MPI: install {} and build again",
                  launched_rank(), launched_ranks(), package));
}

}  // namespace xr::mpi
