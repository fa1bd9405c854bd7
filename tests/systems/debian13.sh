#!/bin/bash
# Builds and tests the project on Debian 13, in a folder (folders.sh; 4 GB):
#   tests/systems/debian13.sh                       ./run demo, then ./run test
#   tests/systems/debian13.sh COMMAND [ARGUMENT...] another command, such as ./run test --tests-regex '^kernels:'
# Not in the folder: CUDA, PyTorch.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/systems/folders.sh

# ccache: for the next build. python3, procps: some tests use them.
make_system debian13 trixie ca-certificates,ccache,git,procps,python3
copy_sources debian13
if (($#)); then
  inside debian13 "$@"
else
  inside debian13 ./run demo
  inside debian13 ./run test
fi
