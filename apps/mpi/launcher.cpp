#include "apps/mpi/launcher.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <span>

namespace xr::mpi {

namespace {

// SLURM_NTASKS is set for a batch script, too, which is one process; SLURM_STEP_NUM_TASKS by srun alone.
constexpr std::array size_variables = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"};
constexpr std::array rank_variables = {"OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID"};

/// The first of these variables that holds a number above 0 or equal to it, else `otherwise`.
int number_in(std::span<const char* const> variables, int otherwise) {
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

int launched_ranks() {
  const int ranks = number_in(size_variables, 1);
  return ranks > 0 ? ranks : 1;
}

int launched_rank() {
  return number_in(rank_variables, 0);
}

bool has_terminal_of_launcher() {
  return std::getenv(size_variables.front()) != nullptr;
}

bool is_of_launcher(std::string_view variable) {
  return std::ranges::find(size_variables, variable) != size_variables.end() ||
         std::ranges::find(rank_variables, variable) != rank_variables.end();
}

}  // namespace xr::mpi
