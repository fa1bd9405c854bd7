#!/bin/bash
# Builds the programs against MPICH in place of Open MPI, and runs the tests of several ranks with them:
#   tests/distributed/mpich.sh [FOLDER]
# FOLDER: of the build (build-mpich). Needs Debian's mpich and libmpich-dev, which lie beside Open MPI's packages; exits
# with 77 where they are missing.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=${1:-build-mpich}

if ! compiler=$(command -v mpicxx.mpich) || ! launcher=$(command -v mpiexec.mpich); then
  echo "skipped: mpicxx.mpich or mpiexec.mpich is missing: install libmpich-dev and mpich"
  exit 77
fi
cmake --preset release -B "$folder" -D MPI_CXX_COMPILER="$compiler" -D MPIEXEC_EXECUTABLE="$launcher" \
  -D CMAKE_UNITY_BUILD=ON -D XR_SIMT=OFF
cmake --build "$folder" --parallel "${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}" --target test_xrtrain test_bench
"$folder/bin/xrtrain" info | grep '^MPI: MPICH' || {
  echo "mpich.sh: $folder/bin/xrtrain was not built with MPICH"
  exit 1
}
ctest --test-dir "$folder" --output-on-failure --no-tests=error --tests-regex '^(xrtrain|bench): .*(rank|launcher)'
