// Whether mpirun, mpiexec or srun started this process as one of several.
#pragma once

#include <string_view>

#include "kernels/common/error.h"

namespace xr::mpi {

/// The code of the error where the launcher started several ranks, but this build's MPI finds one.
inline constexpr ErrorCode other_launcher{"other-launcher"};

/// Ranks that a launcher started together with this one, by what it puts into their environment (Open MPI, MPICH and
/// Slurm); 1 without a launcher.
[[nodiscard]] int launched_ranks();
/// Number of this rank among them, from 0.
[[nodiscard]] int launched_rank();
/// Whether standard output may be a terminal that the launcher made: Open MPI's makes one for every rank, whatever its
/// own output is.
[[nodiscard]] bool has_terminal_of_launcher();
/// Whether a number above comes from this variable: a process without these was not launched as one of several.
[[nodiscard]] bool is_of_launcher(std::string_view variable);

}  // namespace xr::mpi
