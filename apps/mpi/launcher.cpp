#include "apps/mpi/launcher.h"

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

namespace xr::mpi {

namespace {

/// The first of these variables that holds a number above 0 or equal to it, else `otherwise`.
int number_in(std::initializer_list<const char*> variables, int otherwise) {
  for (const char* variable : variables) {
    const char* const text = std::getenv(variable);
    int number = -1;
    if (text == nullptr) continue;
    if (const auto [end, code] = std::from_chars(text, text + std::strlen(text), number);
        code == std::errc() && *end == '\0' && number >= 0)
      return number;
  }
  return otherwise;
}

}  // namespace

// SLURM_NTASKS is set for a batch script, too, which is one process; SLURM_STEP_NUM_TASKS by srun alone.
int launched_ranks() {
  const int ranks = number_in({"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"}, 1);
  return ranks > 0 ? ranks : 1;
}

int launched_rank() {
  return number_in({"OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID"}, 0);
}

}  // namespace xr::mpi
