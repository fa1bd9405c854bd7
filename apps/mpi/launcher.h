// Whether mpirun, mpiexec or srun started this process as one of several.
#pragma once

namespace xr::mpi {

/// Ranks that a launcher started together with this one, by what it puts into their environment (Open MPI, MPICH and
/// Slurm); 1 without a launcher.
[[nodiscard]] int launched_ranks();
/// Number of this rank among them, from 0.
[[nodiscard]] int launched_rank();

}  // namespace xr::mpi
