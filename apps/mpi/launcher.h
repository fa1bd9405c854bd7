// Whether mpirun, mpiexec or srun started this process as one of several.
#pragma once

#include <string_view>

namespace xr::mpi {

/// Ranks that a launcher started together with this one, by what it puts into their environment (Open MPI, MPICH and
/// Slurm); 1 without a launcher.
[[nodiscard]] int launched_ranks();
/// Number of this rank among them, from 0.
[[nodiscard]] int launched_rank();
/// Whether one of the two above looks at this variable: a process without these was not launched as one of several.
[[nodiscard]] bool is_of_launcher(std::string_view variable);

}  // namespace xr::mpi
